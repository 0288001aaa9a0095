//! Diagnostics as the command line draws them.

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
    Severity,
};
use netprof_model::Diagnostic;
use netprof_profile::Sources;

/// All of `diagnostics`, drawn without colours and without breaking words.
pub(crate) fn render(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_wrap_lines(false)
        .with_links(false);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let report = report(diagnostic, sources);
        handler
            .render_report(&mut text, report.as_ref())
            .expect("a string takes everything");
        text.push('\n');
    }
    text
}

fn report(diagnostic: &Diagnostic, sources: &Sources) -> Report {
    let severity = match diagnostic.severity {
        netprof_model::Severity::Note => Severity::Advice,
        netprof_model::Severity::Warning => Severity::Warning,
        netprof_model::Severity::Error => Severity::Error,
    };
    let mut drawn = MietteDiagnostic::new(&diagnostic.message)
        .with_code(&diagnostic.code)
        .with_severity(severity);
    drawn.help.clone_from(&diagnostic.help);
    let source = diagnostic.location.as_ref().and_then(|at| {
        let text = sources.text(&at.file)?;
        Some((at, NamedSource::new(&at.file, text.to_string())))
    });
    let Some((at, source)) = source else {
        return drawn.into();
    };
    let label = LabeledSpan::new(
        diagnostic.label.clone(),
        at.offset as usize,
        at.length as usize,
    );
    Report::new(drawn.with_label(label)).with_source_code(source)
}
