//! Lists in which many neighbours say the same, written without saying it again.
//!
//! Ten thousand routes by one gateway differ in where they lead, and in nothing else.
//! Neighbours that are alike are written as one object that says what they have in common
//! and, in `each`, what each of them has alone. One that is like no neighbour of its own
//! is written as it is. Whoever reads takes both, so a file of format version 1, which
//! knows no runs, is read as well.

use std::io::Write;

use ipnet::{IpNet, Ipv4Net};
use netprof_model::held::HeldResource;
use netprof_model::link::{LinkId, LinkManager};
use netprof_model::plan::{Change, Reason};
use netprof_model::resource::{Lasts, Place, Resource, State};
use netprof_model::route::RouteKey;
use netprof_model::shared::Shared;
use netprof_model::{Location, Owner, digits};
use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::json::{self, Object, Runs, Text, Written};

/// Writes `all`: neighbours that are `alike` as one by `run`, the others as they are.
fn write<T: Serialize>(
    to: &mut dyn Write,
    all: &[T],
    alike: fn(&T, &T) -> bool,
    run: fn(&mut dyn Write, &[T]) -> Written,
) -> Written {
    to.write_all(b"[")?;
    let mut is_first = true;
    for neighbours in all.chunk_by(alike) {
        if !std::mem::take(&mut is_first) {
            to.write_all(b",")?;
        }
        match neighbours {
            [alone] => json::value(to, alone)?,
            several => run(to, several)?,
        }
    }
    Ok(to.write_all(b"]")?)
}

/// A resource as a part of a row: a route that is told apart by nothing else by hand.
fn put(row: &mut String, resource: &Resource) -> serde_json::Result<()> {
    let Resource::Route(RouteKey {
        dst,
        table,
        metric,
        tos: 0,
        ifscope: None,
    }) = resource
    else {
        row.push_str(&serde_json::to_string(resource)?);
        return Ok(());
    };
    row.push_str(r#"{"kind":"route","dst":""#);
    digits::network(row, *dst);
    row.push_str(r#"","table":"#);
    digits::number(row, *table);
    row.push_str(r#","metric":"#);
    digits::number(row, *metric);
    row.push('}');
    Ok(())
}

/// The same back, of IPv4.
pub(crate) fn take(row: &mut Text<'_>) -> Option<Resource> {
    row.expect(r#"{"kind":"route","dst":""#)?;
    let mut octets = [0; 4];
    for (octet, behind) in octets.iter_mut().zip([".", ".", ".", "/"]) {
        *octet = row.number()?.try_into().ok()?;
        row.expect(behind)?;
    }
    let length = row.number()?.try_into().ok()?;
    row.expect(r#"","table":"#)?;
    let table = row.number()?;
    row.expect(r#","metric":"#)?;
    let metric = row.number()?;
    row.expect("}")?;
    Some(Resource::Route(RouteKey {
        dst: IpNet::V4(Ipv4Net::new(octets.into(), length).ok()?),
        table,
        metric,
        tos: 0,
        ifscope: None,
    }))
}

/// The changes of a transaction.
pub(crate) mod changes {
    use super::*;

    /// Where a reason stands in its file: line, column, length, offset.
    type At = [u32; 4];

    /// A change, or a run of them.
    #[derive(Deserialize)]
    pub(crate) struct Read<'a> {
        id: Option<u32>,
        resource: Option<Resource>,
        #[serde(default)]
        before: Option<State>,
        #[serde(default)]
        after: Option<State>,
        #[serde(default)]
        original: Option<State>,
        owner: Owner,
        lasts: Lasts,
        #[serde(default)]
        link: Option<Shared<LinkId>>,
        #[serde(default)]
        manager: Option<LinkManager>,
        reasons: Vec<Reason>,
        #[serde(borrow)]
        each: Option<&'a RawValue>,
    }

    /// What one of a run has alone.
    #[derive(Deserialize)]
    pub(crate) struct One {
        id: u32,
        resource: Resource,
        at: Option<At>,
    }

    impl One {
        pub(crate) fn take(row: &mut Text<'_>) -> Option<Self> {
            row.expect(r#"{"id":"#)?;
            let id = row.number()?;
            row.expect(r#","resource":"#)?;
            let resource = take(row)?;
            let mut at = None;
            if row.expect(r#","at":["#).is_some() {
                let mut place = At::default();
                for (number, behind) in place.iter_mut().zip([",", ",", ",", "]"]) {
                    *number = row.number()?;
                    row.expect(behind)?;
                }
                at = Some(place);
            }
            row.expect("}")?;
            Some(Self { id, resource, at })
        }
    }

    pub(crate) fn write(to: &mut dyn Write, changes: &[Change]) -> Written {
        super::write(to, changes, alike, run)
    }

    fn run(to: &mut dyn Write, changes: &[Change]) -> Written {
        let Change {
            id: _,
            resource: _,
            before,
            after,
            original,
            owner,
            lasts,
            link,
            manager,
            reasons,
        } = &changes[0];
        let mut object = Object::new(to);
        object.field("before", before)?;
        object.field("after", after)?;
        object.field("original", original)?;
        object.field("owner", owner)?;
        object.field("lasts", lasts)?;
        if let Some(link) = link {
            object.field("link", link)?;
        }
        if let Some(manager) = manager {
            object.field("manager", manager)?;
        }
        object.field("reasons", reasons)?;
        json::rows(object.name("each")?, changes, |row, change| {
            row.push_str(r#"{"id":"#);
            digits::number(row, change.id);
            row.push_str(r#","resource":"#);
            put(row, &change.resource)?;
            if let Some([line, others @ ..]) = place(&change.reasons) {
                row.push_str(r#","at":["#);
                digits::number(row, line);
                for number in others {
                    row.push(',');
                    digits::number(row, number);
                }
                row.push(']');
            }
            row.push('}');
            Ok(())
        })?;
        object.end()
    }

    fn alike(one: &Change, other: &Change) -> bool {
        let Change {
            id: _,
            resource: _,
            before,
            after,
            original,
            owner,
            lasts,
            link,
            manager,
            reasons,
        } = one;
        (before, after, original) == (&other.before, &other.after, &other.original)
            && (owner, lasts, link, manager)
                == (&other.owner, &other.lasts, &other.link, &other.manager)
            && is_same_reason(reasons, &other.reasons)
    }

    /// Whether both say the same for one reason, if in two places of a file.
    fn is_same_reason(one: &[Reason], other: &[Reason]) -> bool {
        match (one, other) {
            ([one], [other]) => {
                // Taken apart, so that nothing that is new is forgotten here.
                let Reason {
                    at,
                    text,
                    of_network,
                } = one;
                text == &other.text
                    && *of_network == other.of_network
                    && match (at, &other.at) {
                        (Some(one), Some(other)) => {
                            // `At` has all the rest.
                            let Location {
                                file,
                                line: _,
                                column: _,
                                length: _,
                                offset: _,
                            } = one;
                            file == &other.file
                        }
                        (one, other) => one == other,
                    }
            }
            _ => one == other,
        }
    }

    /// Where the only reason stands.
    fn place(reasons: &[Reason]) -> Option<At> {
        let [Reason { at: Some(at), .. }] = reasons else {
            return None;
        };
        Some([at.line, at.column, at.length, at.offset])
    }

    /// The changes that were read, with the rows of their `runs`.
    pub(crate) fn whole<'a>(
        all: Vec<Read<'a>>,
        runs: &mut Runs<'a, One>,
    ) -> serde_json::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for read in all {
            let Read {
                id,
                resource,
                before,
                after,
                original,
                owner,
                lasts,
                link,
                manager,
                reasons,
                each,
            } = read;
            let of = |id, resource, reasons| Change {
                id,
                resource,
                before: before.clone(),
                after: after.clone(),
                original: original.clone(),
                owner,
                lasts: lasts.clone(),
                link: link.clone(),
                manager,
                reasons,
            };
            let each = match (id, resource, each) {
                (Some(id), Some(resource), None) => {
                    changes.push(of(id, resource, reasons));
                    continue;
                }
                (None, None, Some(each)) => runs.rows(each)?,
                _ => {
                    let neither = "neither a change with number and resource nor a run of them";
                    return Err(serde_json::Error::custom(neither));
                }
            };
            changes.reserve(each.len());
            for one in each {
                let mut reasons = reasons.clone();
                if let (Some([line, column, length, offset]), [reason]) =
                    (one.at, reasons.as_mut_slice())
                    && let Some(at) = &mut reason.at
                {
                    (at.line, at.column) = (line, column);
                    (at.length, at.offset) = (length, offset);
                }
                changes.push(of(one.id, one.resource, reasons));
            }
        }
        Ok(changes)
    }
}

/// The resources that are held.
pub(crate) mod held {
    use super::*;

    /// A resource that is held, or a run of them.
    #[derive(Deserialize)]
    pub(crate) struct Read<'a> {
        resource: Option<Resource>,
        #[serde(default)]
        original: Option<State>,
        #[serde(default)]
        committed: Option<State>,
        transaction: u64,
        place: Place,
        lasts: Lasts,
        #[serde(default)]
        of_network: bool,
        #[serde(default)]
        left_out: bool,
        #[serde(borrow)]
        each: Option<&'a RawValue>,
    }

    pub(crate) fn write(to: &mut dyn Write, all: &[HeldResource]) -> Written {
        super::write(to, all, alike, run)
    }

    fn run(to: &mut dyn Write, all: &[HeldResource]) -> Written {
        let HeldResource {
            resource: _,
            original,
            committed,
            transaction,
            place,
            lasts,
            of_network,
            left_out,
        } = &all[0];
        let mut object = Object::new(to);
        object.field("original", original)?;
        object.field("committed", committed)?;
        object.field("transaction", transaction)?;
        object.field("place", place)?;
        object.field("lasts", lasts)?;
        if *of_network {
            object.field("of_network", of_network)?;
        }
        if *left_out {
            object.field("left_out", left_out)?;
        }
        json::rows(object.name("each")?, all, |row, one| {
            put(row, &one.resource)
        })?;
        object.end()
    }

    fn alike(one: &HeldResource, other: &HeldResource) -> bool {
        let HeldResource {
            resource: _,
            original,
            committed,
            transaction,
            place,
            lasts,
            of_network,
            left_out,
        } = one;
        (original, committed, transaction)
            == (&other.original, &other.committed, &other.transaction)
            && (place, lasts) == (&other.place, &other.lasts)
            && (of_network, left_out) == (&other.of_network, &other.left_out)
    }

    /// What was read, with the rows of its `runs`.
    pub(crate) fn whole<'a>(
        read: Vec<Read<'a>>,
        runs: &mut Runs<'a, Resource>,
    ) -> serde_json::Result<Vec<HeldResource>> {
        let mut all = Vec::new();
        for read in read {
            let Read {
                resource,
                original,
                committed,
                transaction,
                place,
                lasts,
                of_network,
                left_out,
                each,
            } = read;
            let of = |resource| HeldResource {
                resource,
                original: original.clone(),
                committed: committed.clone(),
                transaction,
                place: place.clone(),
                lasts: lasts.clone(),
                of_network,
                left_out,
            };
            match (resource, each) {
                (Some(resource), None) => all.push(of(resource)),
                (None, Some(each)) => all.extend(runs.rows(each)?.into_iter().map(of)),
                _ => {
                    let neither = "neither a resource nor a run of them";
                    return Err(serde_json::Error::custom(neither));
                }
            }
        }
        Ok(all)
    }
}
