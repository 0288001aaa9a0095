//! Who made an IPsec policy.

use netprof_model::Owner;
use netprof_model::evidence::{ClueKind, Trail};

/// Who made a policy whose templates have `reqid`, where these programs that speak IKE run,
/// with their numbers. The kernel keeps no author, and who may write policies is whoever
/// speaks IKE; so it is told only where there is just one, and for a policy that transforms
/// with a number that such a daemon gives: strongSwan counts from 1 (strongswan,
/// src/libcharon/kernel/kernel_interface.c: `alloc_reqid`), libreswan by fours from 16384 on,
/// unless `reqid=` names one (libreswan, programs/pluto: `gen_reqid`). `ip xfrm` gives 0
/// where it is not told another; whoever tells it one beside a daemon is not told apart.
pub fn of_policy(reqid: Option<u32>, daemons: &[(Owner, u32)], trail: &mut impl Trail) -> Owner {
    let reqid = reqid.filter(|reqid| *reqid != 0);
    match (daemons, reqid) {
        ([(owner, pid)], Some(reqid)) => {
            trail.clue(
                ClueKind::Process,
                format_args!("{owner} runs as process {pid}, and nobody else speaks IKE"),
            );
            trail.clue(
                ClueKind::Mark,
                format_args!("its request number {reqid} is one that a daemon gave"),
            );
            *owner
        }
        _ => Owner::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_the_only_ike_daemons_if_it_carries_a_number() {
        let charon = (Owner::Strongswan, 7);
        let pluto = (Owner::Libreswan, 8);
        for (reqid, daemons, owner) in [
            (Some(1), &[charon][..], Owner::Strongswan),
            (Some(16_389), &[pluto], Owner::Libreswan),
            (Some(1), &[charon, pluto], Owner::Unknown),
            (Some(1), &[], Owner::Unknown),
            (Some(0), &[charon], Owner::Unknown),
            (None, &[charon], Owner::Unknown),
        ] {
            let mut trail = Vec::new();
            assert_eq!(of_policy(reqid, daemons, &mut trail), owner);
            assert_eq!(trail.is_empty(), owner == Owner::Unknown);
        }
    }
}
