//! Lists in which many neighbours say the same, written without saying it again.
//!
//! Ten thousand routes by one gateway differ in where they lead, and in nothing else.
//! Neighbours that are alike are written as one object that says what they have in common
//! and, in `each`, what each of them has alone. One that is like no neighbour of its own
//! is written as it is. Whoever reads takes both, so a file of format version 1, which
//! knows no runs, is read as well.

use netprof_model::held::HeldResource;
use netprof_model::link::{LinkId, LinkManager};
use netprof_model::plan::{Change, Reason};
use netprof_model::resource::{Lasts, Place, Resource, State};
use netprof_model::shared::Shared;
use netprof_model::{Location, Owner};
use serde::de::Error;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes `all`: neighbours that are `alike` as one, the others as they are.
fn write<'a, T, R, S>(
    all: &'a [T],
    alike: impl Fn(&T, &T) -> bool,
    run: impl Fn(&'a [T]) -> R,
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    R: Serialize,
    S: Serializer,
{
    let mut list = serializer.serialize_seq(None)?;
    for neighbours in all.chunk_by(|one, next| alike(one, next)) {
        match neighbours {
            [alone] => list.serialize_element(alone)?,
            several => list.serialize_element(&run(several))?,
        }
    }
    list.end()
}

/// A list that is written as it is asked for.
struct Each<'a, T, E>(&'a [T], fn(&'a T) -> E);

impl<T, E: Serialize> Serialize for Each<'_, T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// The changes of a transaction.
pub(crate) mod changes {
    use super::*;

    /// Where a reason stands in its file: line, column, length, offset.
    type At = [u32; 4];

    #[derive(Serialize)]
    struct One<'a> {
        id: u32,
        resource: &'a Resource,
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<At>,
    }

    #[derive(Serialize)]
    struct Run<'a> {
        before: &'a Option<State>,
        after: &'a Option<State>,
        original: &'a Option<State>,
        owner: Owner,
        lasts: &'a Lasts,
        #[serde(skip_serializing_if = "Option::is_none")]
        link: &'a Option<Shared<LinkId>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        manager: Option<LinkManager>,
        reasons: &'a [Reason],
        each: Each<'a, Change, One<'a>>,
    }

    /// A change, or a run of them.
    #[derive(Deserialize)]
    struct Read {
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
        #[serde(default)]
        each: Vec<ReadOne>,
    }

    #[derive(Deserialize)]
    struct ReadOne {
        id: u32,
        resource: Resource,
        at: Option<At>,
    }

    pub(crate) fn serialize<S: Serializer>(
        changes: &[Change],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        write(changes, alike, run, serializer)
    }

    fn run(changes: &[Change]) -> Run<'_> {
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
        Run {
            before,
            after,
            original,
            owner: *owner,
            lasts,
            link,
            manager: *manager,
            reasons,
            each: Each(changes, |change| One {
                id: change.id,
                resource: &change.resource,
                at: place(&change.reasons),
            }),
        }
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

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Change>, D::Error> {
        let mut changes = Vec::new();
        for read in Vec::<Read>::deserialize(deserializer)? {
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
            match (id, resource) {
                (Some(id), Some(resource)) => changes.push(of(id, resource, reasons)),
                (None, None) if !each.is_empty() => changes.extend(each.into_iter().map(|one| {
                    let mut reasons = reasons.clone();
                    if let (Some([line, column, length, offset]), [reason]) =
                        (one.at, reasons.as_mut_slice())
                        && let Some(at) = &mut reason.at
                    {
                        (at.line, at.column) = (line, column);
                        (at.length, at.offset) = (length, offset);
                    }
                    of(one.id, one.resource, reasons)
                })),
                _ => {
                    return Err(D::Error::custom(
                        "a change lacks its number or its resource",
                    ));
                }
            }
        }
        Ok(changes)
    }
}

/// The resources that are held.
pub(crate) mod held {
    use super::*;

    #[derive(Serialize)]
    struct Run<'a> {
        original: &'a Option<State>,
        committed: &'a Option<State>,
        transaction: u64,
        place: &'a Place,
        lasts: &'a Lasts,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        of_network: bool,
        each: Each<'a, HeldResource, &'a Resource>,
    }

    /// A resource that is held, or a run of them.
    #[derive(Deserialize)]
    struct Read {
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
        each: Vec<Resource>,
    }

    pub(crate) fn serialize<S: Serializer>(
        all: &[HeldResource],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        write(all, alike, run, serializer)
    }

    fn run(all: &[HeldResource]) -> Run<'_> {
        let HeldResource {
            resource: _,
            original,
            committed,
            transaction,
            place,
            lasts,
            of_network,
        } = &all[0];
        Run {
            original,
            committed,
            transaction: *transaction,
            place,
            lasts,
            of_network: *of_network,
            each: Each(all, |one| &one.resource),
        }
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
        } = one;
        (original, committed, transaction)
            == (&other.original, &other.committed, &other.transaction)
            && (place, lasts, of_network) == (&other.place, &other.lasts, &other.of_network)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<HeldResource>, D::Error> {
        let mut all = Vec::new();
        for read in Vec::<Read>::deserialize(deserializer)? {
            let Read {
                resource,
                original,
                committed,
                transaction,
                place,
                lasts,
                of_network,
                each,
            } = read;
            if resource.is_none() && each.is_empty() {
                return Err(D::Error::missing_field("resource"));
            }
            all.extend(
                resource
                    .into_iter()
                    .chain(each)
                    .map(|resource| HeldResource {
                        resource,
                        original: original.clone(),
                        committed: committed.clone(),
                        transaction,
                        place: place.clone(),
                        lasts: lasts.clone(),
                        of_network,
                    }),
            );
        }
        Ok(all)
    }
}
