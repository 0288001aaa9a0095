//! Diagnostics, as a person sees them: the line, the stretch of it, what would help.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, Severity,
    SourceCode, SourceSpan, SpanContents,
};
use netprof_model::{Diagnostic, Location, Severity as Weight};
use netprof_profile::{Excerpt, Sources};

use crate::answer::printable;

/// `diagnostics` as text, errors last so that they are what stands above the prompt.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_wrap_lines(false)
        .with_context_lines(0)
        .with_links(false);
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|one| one.severity);
    let mut text = String::new();
    for one in sorted {
        let report = Report::new(one, sources);
        // Writing to a string does not fail, and a diagnostic that could not be drawn
        // must still be said.
        if handler.render_report(&mut text, &report).is_err() {
            text.push_str(&printable(&one.message));
        }
        text.push('\n');
    }
    text
}

/// A diagnostic in the form that miette draws.
#[derive(Debug)]
struct Report<'a> {
    inner: &'a Diagnostic,
    source: Option<Quoted>,
}

/// The lines that a diagnostic is shown with, under the numbers that they have in
/// their file.
#[derive(Debug)]
struct Quoted {
    file: String,
    /// The column of the stretch that is marked, from 0.
    column: usize,
    excerpt: Excerpt,
}

impl Quoted {
    fn new(at: &Location, sources: &Sources) -> Option<Self> {
        let mut excerpt = sources.excerpt(at)?;
        // Every byte keeps its place.
        excerpt.text = printable(&excerpt.text).into_owned();
        Some(Self {
            file: printable(&at.file).into_owned(),
            column: at.column.saturating_sub(1) as usize,
            excerpt,
        })
    }
}

impl SourceCode for Quoted {
    /// The whole lines, whatever part of them is asked for: a word without its line
    /// says little.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = &self.excerpt.text;
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            text.as_bytes(),
            (0, text.len()).into(),
            self.excerpt.line.saturating_sub(1) as usize,
            // What stands above the lines, for an editor to jump to.
            self.column,
            text.lines().count(),
        )))
    }
}

impl<'a> Report<'a> {
    fn new(inner: &'a Diagnostic, sources: &Sources) -> Self {
        let at = inner.location.as_ref();
        let source = at.and_then(|at| Quoted::new(at, sources));
        Self { inner, source }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.inner.message))?;
        match (&self.inner.location, &self.source) {
            (Some(at), None) => write!(f, " ({})", printable(&at.to_string())),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(&self.inner.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(match self.inner.severity {
            Weight::Note => Severity::Advice,
            Weight::Warning => Severity::Warning,
            Weight::Error => Severity::Error,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let help = printable(self.inner.help.as_ref()?);
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let excerpt = &self.source.as_ref()?.excerpt;
        let label = self.inner.label.as_ref();
        let span = LabeledSpan::new(
            label.map(|label| printable(label).into_owned()),
            excerpt.offset,
            excerpt.length,
        );
        Some(Box::new(std::iter::once(span)))
    }
}
