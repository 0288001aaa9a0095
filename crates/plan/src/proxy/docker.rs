//! `export "docker"`: what the Docker client tells the containers that it starts.
//!
//! `proxies` of its `config.json` holds an object for each engine that it talks to, and one
//! called `default` for all others; the client makes variables in both spellings of it, for
//! containers and for builds (docker/cli, `cli/config/configfile/file.go`). The members of
//! `default` that the profile names are set, and everything else stays as it is written.

use netprof_model::json_object::{self, JsonObject, NotAnObject};
use netprof_model::plan::{Reason, Standing};
use netprof_model::plist::{Dictionary, Value};
use netprof_model::profile::{Export, Proxy, Spanned};
use netprof_model::resource::Lasts;
use netprof_model::settings::{PROXIES, READABLE, Settings};
use netprof_model::user::User;
use netprof_model::{Diagnostic, Resource, Section, Snapshot, State};

use super::exceptions;
use crate::draft::{Draft, Wanted};

/// Wants the client's file to name the proxies.
pub(super) fn desire(proxy: &Proxy, told: &Spanned<Export>, base: &Snapshot, draft: &mut Draft) {
    let reason = Reason::line(&told.at, "proxy export \"docker\"");
    let members = members(proxy);
    if members.is_empty() {
        let why = match proxy.pac {
            Some(_) => "the Docker client names no PAC file to a container",
            None => "no proxy is named",
        };
        draft.row(Standing::Omitted, "proxy of containers", why, &reason);
        return;
    }
    let Some(user) = super::whose(base, told, &reason, draft) else {
        return;
    };
    let mut all = base.settings.items().iter();
    let live = all.find(|one| is_of(user, &one.settings));
    let Some((settings, holds)) = live.map(|live| (&live.settings, &live.holds)) else {
        let error = Diagnostic::error(
            "plan::not-known",
            "the snapshot does not say what the Docker client's config.json holds",
        )
        .help("take the snapshot anew");
        draft.refuse("proxy of containers", &reason, error, &told.at);
        return;
    };
    let path = settings.path().unwrap_or_default();
    let mut wanted = match holds {
        Section::Seen(all) => all.clone(),
        Section::Unreadable(why) => {
            let error = Diagnostic::error(
                "plan::not-editable",
                format!("{path} cannot be changed: {why}"),
            )
            .label("says it to this file")
            .help("mend the file; the Docker client cannot read it either, as long as it is no JSON object");
            draft.refuse(settings.to_string(), &reason, error, &told.at);
            return;
        }
        _ => Dictionary::new(),
    };
    if wanted.contains_key(READABLE) && super::has_password(proxy) {
        let error = Diagnostic::error(
            "plan::readable-by-others",
            format!("others may read {path}, and a proxy of this profile has a password"),
        )
        .label("would show it to everybody")
        .help(format!("keep the file to yourself: chmod 600 {path}"));
        draft.refuse(settings.to_string(), &reason, error, &told.at);
        return;
    }
    let live = wanted.get(PROXIES).and_then(Value::as_str);
    match with_default(live, &members) {
        Ok(text) => wanted.insert(PROXIES.to_owned(), Value::String(text)),
        Err(why) => {
            let error = Diagnostic::error(
                "plan::not-editable",
                format!("`{PROXIES}` of {path} is not as the Docker client writes it: {why}"),
            )
            .label("says it to this file")
            .help(format!(
                "mend `{PROXIES}`: it holds an object called `default`"
            ));
            draft.refuse(settings.to_string(), &reason, error, &told.at);
            return;
        }
    };
    draft.want(Wanted {
        lasts: Lasts::Durable,
        // What somebody has written there is put back by a release.
        replace: true,
        ..Wanted::new(
            Resource::Settings(settings.clone()),
            State::Settings(wanted),
            None,
            vec![reason],
        )
    });
}

fn is_of(user: &User, settings: &Settings) -> bool {
    matches!(settings, Settings::DockerClient { user: of, .. } if *of == user.name)
}

/// The members of `default` that say what `proxy` names, each with a JSON text.
fn members(proxy: &Proxy) -> Vec<(&'static str, String)> {
    let named = [
        ("httpProxy", &proxy.http),
        ("httpsProxy", &proxy.https),
        ("allProxy", &proxy.socks),
    ];
    let named = named.into_iter();
    let mut members: Vec<(&str, String)> = named
        .filter_map(|(name, url)| Some((name, text(url.as_ref()?.value.secret()))))
        .collect();
    if !members.is_empty() {
        let exceptions = exceptions::list(&proxy.bypass);
        members.extend(exceptions.map(|list| ("noProxy", text(&list))));
    }
    members
}

/// `proxies` with these members in `default`.
fn with_default(proxies: Option<&str>, members: &[(&str, String)]) -> Result<String, NotAnObject> {
    let proxies = JsonObject::parse(proxies.unwrap_or("{}").as_bytes())?;
    let members = members
        .iter()
        .map(|(name, text)| (*name, Some(text.as_str())));
    let default = json_object::edited(proxies.get("default").unwrap_or("{}"), members)?;
    Ok(proxies.with("default", &default))
}

/// A JSON string. Neither a URL nor a list of names has a control character.
fn text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(proxies: Option<&str>) -> Result<String, NotAnObject> {
        let members = [("httpProxy", text("http://p:1")), ("noProxy", text("a,b"))];
        with_default(proxies, &members)
    }

    #[test]
    fn only_what_is_named_changes() {
        let new = r#"{"default": {"httpProxy": "http://p:1", "noProxy": "a,b"}}"#;
        assert_eq!(with(None).as_deref(), Ok(new));
        let old = "{\n\t\t\"tcp://one:2375\": { \"httpProxy\":\"http://q\" },\n\t\t\"default\": {\n\t\t\t\"ftpProxy\": \"f\",\n\t\t\t\"noProxy\": \"c\"\n\t\t}\n\t}";
        let changed = "{\n\t\t\"tcp://one:2375\": { \"httpProxy\":\"http://q\" },\n\t\t\"default\": {\n\t\t\t\"ftpProxy\": \"f\",\n\t\t\t\"noProxy\": \"a,b\",\n\t\t\t\"httpProxy\": \"http://p:1\"\n\t\t}\n\t}";
        assert_eq!(with(Some(old)).as_deref(), Ok(changed));
    }

    #[test]
    fn what_is_no_object_is_not_guessed_at() {
        for proxies in ["[]", "1", "{\"default\": \"http://p\"}"] {
            assert!(with(Some(proxies)).is_err(), "{proxies}");
        }
    }
}
