//! The bytes of a journal: torn, cut, overwritten, and of other versions.

use std::io::Write;

use proptest::prelude::*;

use super::laws::{apply, rollback};
use super::machine::{Machine, States};
use super::world::World;
use crate::error::Error;
use crate::history::{self, Ending};
use crate::journal::{self, Intent, Outline, Stage};
use crate::record::{self, Begin, Content, Fault, Position, SECTOR, Tag};

/// A committed journal, as it is on the disk.
fn committed() -> (World, Vec<u8>) {
    let world = World::bare(Machine::Linux);
    let _ = apply(&world, "office", &Machine::Linux.office()).unwrap();
    let bytes = world.disk().journal(1);
    (world, bytes)
}

/// A whole new journal, and where the next record goes.
fn begin(number: u64, intent: &[u8]) -> (Vec<u8>, Position) {
    let mut file: Vec<u8> = Vec::new();
    let mut begun = Begin::new(number, |bytes, offset| {
        file.resize(file.len().max(offset + bytes.len()), 0);
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    });
    begun.write_all(intent).expect("it fits");
    let next = begun.finish().expect("memory takes it");
    (file, next)
}

fn stage(world: &World, bytes: Vec<u8>) -> Result<Option<Stage>, Error> {
    world.with_disk(|disk| disk.set_journal(1, bytes));
    let journal = journal::read::<Intent>(world, 1)?;
    Ok(journal.map(|journal| journal.stage))
}

#[test]
fn a_journal_is_made_of_whole_pages_and_never_grows_on_the_good_way() {
    let (_, bytes) = committed();
    assert_eq!(bytes.len() % 4096, 0);
    let (made, next) = begin(1, &[b' '; 100]);
    assert_eq!(made.len(), 4096);
    assert_eq!((next.offset, next.sequence), (2 * SECTOR, 1));
}

#[test]
fn the_layout_is_the_documented_one() {
    let (bytes, next) = begin(7, b"{}");
    assert_eq!(&bytes[..8], b"netprofj");
    assert_eq!(bytes[8..12], 2_u32.to_le_bytes());
    assert_eq!(bytes[12..20], 7_u64.to_le_bytes());
    assert_eq!(bytes[20..24], crc32fast::hash(&bytes[..20]).to_le_bytes());
    let covered = [&[1][..], &[0; 4], &7_u64.to_le_bytes(), b"{}"].concat();
    assert_eq!(bytes[512..516], 2_u32.to_le_bytes());
    assert_eq!(bytes[516..520], crc32fast::hash(&covered).to_le_bytes());
    assert_eq!(bytes[520..524], [0; 4]);
    assert_eq!(bytes[524..528], [1, 0, 0, 0]);
    assert_eq!(&bytes[528..530], b"{}");
    assert!(bytes[530..].iter().all(|byte| *byte == 0));

    let (record, after) = record::record(7, next, Tag::Committed, b"{}");
    assert_eq!(record[8..12], 1_u32.to_le_bytes());
    assert_eq!(record[12], 3);
    assert_eq!(after.offset, next.offset + 512);
}

#[test]
fn a_journal_cut_at_any_byte_is_what_it_was_at_some_time_or_not_begun() {
    let (world, bytes) = committed();
    let mut seen = Vec::new();
    for length in 0..=bytes.len() {
        let stage = stage(&world, bytes[..length].to_vec()).unwrap();
        if seen.last() != Some(&stage) {
            seen.push(stage);
        }
    }
    assert_eq!(
        seen,
        [
            None,
            Some(Stage::Intent),
            Some(Stage::Applied),
            Some(Stage::Committed)
        ]
    );
}

#[test]
fn a_zeroed_sector_never_makes_up_a_stage_that_was_not_reached() {
    let (world, bytes) = committed();
    for sector in 0..bytes.len() / SECTOR {
        let mut torn = bytes.clone();
        torn[sector * SECTOR..][..SECTOR].fill(0);
        match stage(&world, torn) {
            // Of the intent: it was acted on, so this is no torn start.
            Err(Error::Damaged { .. }) => {}
            Ok(Some(Stage::Applied | Stage::Committed)) => {}
            other => panic!("sector {sector}: {other:?}"),
        }
    }
}

#[test]
fn a_zeroed_sector_of_a_journal_that_was_not_acted_on_means_not_begun() {
    let (_, bytes) = committed();
    let Ok(Content::Begun { intent, .. }) = record::read(1, &bytes) else {
        panic!("it is whole");
    };
    let (bytes, next) = begin(1, intent);
    for sector in 0..bytes.len() / SECTOR {
        let mut torn = bytes.clone();
        torn[sector * SECTOR..][..SECTOR].fill(0);
        let read = record::read(1, &torn).unwrap();
        let whole = matches!(read, Content::Begun { .. });
        assert_eq!(whole, sector >= next.offset / SECTOR);
    }
}

#[test]
fn a_torn_record_leaves_the_one_before_it_in_force() {
    let (bytes, at) = begin(1, b"{}");
    let why = format!(r#"{{"why":"{}"}}"#, "x".repeat(700));
    let (applied, at) = {
        let (record, next) = record::record(1, at, Tag::Applied, b"{}");
        let mut bytes = bytes;
        bytes[at.offset..at.offset + record.len()].copy_from_slice(&record);
        (bytes, next)
    };
    let (record, _) = record::record(1, at, Tag::RollingBack, why.as_bytes());
    for length in 0..=record.len() {
        let mut torn = applied.clone();
        torn[at.offset..at.offset + length].copy_from_slice(&record[..length]);
        let Ok(Content::Begun { last, next, .. }) = record::read(1, &torn) else {
            panic!("its intent is whole");
        };
        let last = last.unwrap().0;
        if length == record.len() {
            assert_eq!(last, Tag::RollingBack);
        } else {
            // The next record takes the place of the torn one.
            assert_eq!((last, next), (Tag::Applied, at));
        }
    }
}

#[test]
fn a_newer_format_is_refused_and_says_so() {
    let (world, mut bytes) = committed();
    bytes[8] = 3;
    let crc = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(record::read(1, &bytes), Err(Fault::Newer(3)));
    let error = stage(&world, bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "journal/000001 has format version 3, and this netprof knows versions up to 2: \
         a newer netprof wrote it"
    );
    assert!(matches!(rollback(&world, None), Err(Error::Newer { .. })));
}

#[test]
fn a_journal_of_version_1_says_everything_of_each_change_and_is_read() {
    let (world, bytes) = committed();
    let Ok(Content::Begun { intent, .. }) = record::read(1, &bytes) else {
        panic!("it is whole");
    };
    let now = Intent::read(intent).unwrap();
    let mut then: serde_json::Value = serde_json::from_slice(intent).unwrap();
    then["changes"] = serde_json::to_value(&now.changes).unwrap();
    let (mut bytes, _) = begin(1, &serde_json::to_vec(&then).unwrap());
    bytes[8] = 1;
    let crc = crc32fast::hash(&bytes[..20]);
    bytes[20..24].copy_from_slice(&crc.to_le_bytes());
    world.with_disk(|disk| disk.set_journal(1, bytes));
    let journal = journal::read::<Intent>(&world, 1).unwrap().unwrap();
    assert_eq!(journal.intent, now);
    let entry = &history::read(&world).unwrap()[0];
    let about = entry.about.as_ref().unwrap();
    assert_eq!(about.changes, now.changes.len());
}

#[test]
fn an_intent_of_many_pieces_is_whole_only_with_the_last() {
    let intent = vec![b'x'; 20_000];
    let mut writes: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut begun = Begin::new(1, |bytes, offset| {
        writes.push((offset, bytes.to_vec()));
        Ok(())
    });
    for bytes in intent.chunks(7) {
        begun.write_all(bytes).unwrap();
    }
    let next = begun.finish().unwrap();
    assert!(writes.len() > 3, "{} writes", writes.len());
    let mut file = Vec::new();
    let count = writes.len();
    for (done, (offset, bytes)) in writes.into_iter().enumerate() {
        assert_eq!(
            record::read(1, &file),
            Ok(Content::NeverBegun),
            "{done} of {count}"
        );
        file.resize(file.len().max(offset + bytes.len()), 0);
        file[offset..offset + bytes.len()].copy_from_slice(&bytes);
    }
    assert_eq!(file.len() % 4096, 0);
    let whole = Content::Begun {
        intent: &intent,
        last: None,
        next,
    };
    assert_eq!(record::read(1, &file), Ok(whole));
}

#[test]
fn the_journal_of_another_transaction_is_not_believed() {
    let (_, bytes) = committed();
    assert!(matches!(record::read(2, &bytes), Err(Fault::Damaged(_))));
    // Nor are records that the file system gave back from a file that was removed.
    let (mut other, next) = begin(2, b"{}");
    other[next.offset..].fill(0);
    let from = bytes.len() - 4 * SECTOR;
    let stale = bytes[from..from + SECTOR].to_vec();
    other[next.offset..next.offset + SECTOR].copy_from_slice(&stale);
    let Ok(Content::Begun { last: None, .. }) = record::read(2, &other) else {
        panic!("it was only begun");
    };
}

#[test]
fn a_damaged_journal_shows_in_the_history_and_hides_no_other() {
    let (world, _) = committed();
    let _ = apply(&world, "home", &States::new()).unwrap();
    let _ = rollback(&world, None).unwrap();
    world.with_disk(|disk| {
        let mut bytes = disk.journal(1);
        bytes[SECTOR + 40] ^= 1;
        disk.set_journal(1, bytes);
    });
    let entries = history::read(&world).unwrap();
    let endings: Vec<&str> = entries.iter().map(|entry| entry.ending.as_str()).collect();
    assert_eq!(endings, ["unreadable", "undone", "committed"]);
    assert!(matches!(
        entries[1].ending,
        Ending::Committed { undone_by: Some(3) }
    ));
    let about = entries[2].about.as_ref().unwrap();
    let all = Machine::Linux.office().len();
    assert_eq!((about.undone.as_slice(), about.changes), (&[2][..], all));
}

#[test]
fn the_longest_words_fit_into_a_record() {
    let world = World::bare(Machine::Linux);
    let worst = "\u{1}".repeat(5000);
    let stage = Stage::Incomplete(journal::Remains {
        why: worst.clone(),
        left: (0..5000)
            .map(|change| journal::Remaining {
                change: u32::MAX - change,
                why: worst.clone(),
            })
            .collect(),
        doubted: vec![(u32::MAX, Some(u32::MAX)); 5000],
    });
    let rolling = Stage::RollingBack(journal::Failed {
        why: worst.clone(),
        doubted: vec![u32::MAX; 5000],
    });
    let back = Stage::RolledBack(journal::TakenBack {
        why: worst,
        kept: vec![u32::MAX; 5000],
        expired: vec![u32::MAX; 5000],
    });
    let _ = apply(&world, "office", &Machine::Linux.office()).unwrap();
    let mut read = journal::read::<Intent>(&world, 1).unwrap().unwrap();
    for stage in [rolling, stage, back] {
        let mut open = journal::Open::reopen(&world, &read).unwrap();
        open.write(&stage, journal::Durable::Now).unwrap();
        read = journal::read::<Intent>(&world, 1).unwrap().unwrap();
        assert_eq!(
            std::mem::discriminant(&read.stage),
            std::mem::discriminant(&stage)
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let _ = record::read(1, &bytes);
    }

    #[test]
    fn no_payload_makes_the_reader_panic(
        intent in proptest::collection::vec(any::<u8>(), 0..2000),
        state in proptest::collection::vec(any::<u8>(), 0..600),
        tag in 2..7_u8,
    ) {
        let (mut bytes, next) = begin(1, &intent);
        let tags = [
            Tag::Applied, Tag::Committed, Tag::RollingBack, Tag::RolledBack, Tag::Incomplete,
        ];
        let (record, _) = record::record(1, next, tags[usize::from(tag - 2)], &state);
        bytes[next.offset..next.offset + record.len()].copy_from_slice(&record);
        let read = record::read(1, &bytes);
        let is_begun = matches!(read, Ok(Content::Begun { .. }));
        prop_assert!(is_begun);
        let world = World::bare(Machine::Linux);
        world.with_disk(|disk| disk.set_journal(1, bytes));
        let _ = journal::read::<Intent>(&world, 1);
        let _ = history::read(&world);
    }

    #[test]
    fn a_changed_byte_is_noticed_or_leaves_an_earlier_stage(
        at in 0..6000_usize,
        flip in 1..=255_u8,
    ) {
        let (world, mut bytes) = committed();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let padding = at < SECTOR || at % SECTOR > 12;
        match stage(&world, bytes) {
            Err(Error::Damaged { .. }) => {}
            Ok(Some(Stage::Applied | Stage::Committed)) => {}
            // A zero that became something is a torn record, and no record.
            other => prop_assert!(false, "{:?} {} {}", other, at, padding),
        }
    }
}
