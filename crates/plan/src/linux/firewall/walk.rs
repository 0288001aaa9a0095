//! The way of a packet through a chain and those that it calls.

use netprof_model::firewall::{BaseChain, FirewallRule, Rules, Verdict};

use super::Culprit;
use super::packet::{Packet, Truth};

/// The kernel lets chains be called this deep (NFT_JUMP_STACK_SIZE).
const DEEPEST: u32 = 16;
/// The most rules that are followed for one packet and one chain: chains that call each
/// other in many ways would else take for ever.
const MOST: u32 = 200_000;

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome<'a> {
    Passes,
    Drops {
        by: Culprit<'a>,
        /// Whether some other packets pass.
        exceptions: bool,
    },
    Unclear {
        at: Culprit<'a>,
        what: String,
    },
}

/// What may become of the ordinary packet behind a list of rules.
#[derive(Debug, Default)]
struct Flow<'a> {
    /// It may go on behind the list.
    falls: bool,
    /// It may be accepted.
    passes: bool,
    /// It may be dropped: by whom.
    drops: Option<Culprit<'a>>,
    /// Why there is more than one way: where, and what is not understood.
    doubt: Option<(Culprit<'a>, String)>,
    /// Some other packets are let through, or passed by what drops.
    exceptions: bool,
}

impl<'a> Flow<'a> {
    /// Takes over what a chain that is called may do.
    fn join(&mut self, called: Flow<'a>) {
        self.passes |= called.passes;
        self.exceptions |= called.exceptions;
        self.drops = self.drops.take().or(called.drops);
        self.doubt = self.doubt.take().or(called.doubt);
    }
}

/// What `chain` does to `packet`.
pub(super) fn base<'a>(chain: &'a BaseChain, packet: &mut Packet<'_>) -> Outcome<'a> {
    let policy = Culprit {
        base: chain,
        chain: &chain.chain,
        rule: None,
    };
    packet.reach(&chain.hook, chain.priority);
    let drops = chain.policy_drops || chain.rules_drop;
    let Some(rules) = &chain.rules else {
        if !drops {
            packet.forget();
            return Outcome::Passes;
        }
        return Outcome::Unclear {
            at: policy,
            what: "rules that were not read".to_owned(),
        };
    };
    let mut walk = Walk {
        base: chain,
        rules,
        left: MOST,
    };
    let mut flow = walk.list(&chain.chain, &rules.own, packet, At::default());
    if !drops {
        return Outcome::Passes;
    }
    if flow.falls {
        if chain.policy_drops {
            flow.drops = flow.drops.or(Some(policy));
        } else {
            flow.passes = true;
        }
    }
    match (flow.drops, flow.doubt) {
        (None, _) => Outcome::Passes,
        (Some(by), _) if !flow.passes => Outcome::Drops {
            by,
            exceptions: flow.exceptions,
        },
        (Some(_), Some((at, what))) => Outcome::Unclear { at, what },
        // More than one way is never without a doubt.
        (Some(by), None) => Outcome::Unclear {
            at: by,
            what: "more than one way through it".to_owned(),
        },
    }
}

/// How a list of rules was come to.
#[derive(Clone, Copy, Debug)]
struct At {
    depth: u32,
    /// Whether the packet is there for certain.
    certain: bool,
}

impl Default for At {
    fn default() -> Self {
        Self {
            depth: 0,
            certain: true,
        }
    }
}

impl At {
    fn called(self, certain: bool) -> Self {
        Self {
            depth: self.depth + 1,
            certain,
        }
    }
}

struct Walk<'a> {
    base: &'a BaseChain,
    rules: &'a Rules,
    left: u32,
}

impl<'a> Walk<'a> {
    fn list(
        &mut self,
        chain: &'a str,
        rules: &'a [FirewallRule],
        packet: &mut Packet<'_>,
        here: At,
    ) -> Flow<'a> {
        let mut flow = Flow::default();
        for rule in rules {
            let at = Culprit {
                base: self.base,
                chain,
                rule: Some(rule),
            };
            self.left = self.left.saturating_sub(1);
            if self.left == 0 || here.depth > DEEPEST {
                flow.doubt = Some((at, "so many rules".to_owned()));
                flow.passes = true;
                flow.drops = flow.drops.or(Some(at));
                return flow;
            }
            let certain = match packet.meets(&rule.when) {
                Truth::No => continue,
                Truth::Some(false) => {
                    flow.exceptions |= self.may_pass(rule, packet, here);
                    continue;
                }
                Truth::Some(true) => {
                    // What this rule does not take goes on.
                    flow.exceptions = true;
                    true
                }
                Truth::Yes => true,
                Truth::Unknown(what) => {
                    flow.doubt = flow.doubt.take().or(Some((at, what)));
                    false
                }
            };
            // A packet that may have passed or left before lacks what is written from here on.
            let sure = here.certain && certain && !flow.passes && !flow.falls;
            for sets in &rule.sets {
                packet.write(sets, sure);
            }
            match &rule.verdict {
                Verdict::Continue => continue,
                Verdict::Accept => flow.passes = true,
                Verdict::Drop | Verdict::Reject => flow.drops = flow.drops.or(Some(at)),
                Verdict::Return => flow.falls = true,
                Verdict::Unknown(what) => {
                    flow.doubt = flow.doubt.take().or(Some((at, what.clone())));
                    flow.passes = true;
                    flow.drops = flow.drops.or(Some(at));
                }
                Verdict::Jump(name) | Verdict::Goto(name) => {
                    let called = self.called(name, packet, here.called(sure));
                    let falls = called.falls;
                    flow.join(called);
                    match (&rule.verdict, falls) {
                        (Verdict::Jump(_), true) => continue,
                        (_, falls) => flow.falls |= falls,
                    }
                }
            }
            if certain {
                return flow;
            }
        }
        flow.falls = true;
        flow
    }

    fn called(&mut self, name: &str, packet: &mut Packet<'_>, there: At) -> Flow<'a> {
        let base = self.base;
        match self.rules.called.get_key_value(name) {
            Some((name, rules)) => self.list(name, rules, packet, there),
            // The kernel has no such jump; a file may.
            None => Flow {
                falls: true,
                passes: true,
                drops: Some(Culprit {
                    base,
                    chain: &base.chain,
                    rule: None,
                }),
                doubt: Some((
                    Culprit {
                        base,
                        chain: &base.chain,
                        rule: None,
                    },
                    format!("chain {name}"),
                )),
                exceptions: false,
            },
        }
    }

    /// Whether a rule that takes only some packets may save them from a later one. What it
    /// writes is not written to the ordinary packet.
    fn may_pass(&mut self, rule: &'a FirewallRule, packet: &Packet<'_>, here: At) -> bool {
        // A mark that is written may be asked for later.
        let writes = !rule.sets.is_empty();
        match &rule.verdict {
            Verdict::Accept | Verdict::Return | Verdict::Unknown(_) => true,
            Verdict::Drop | Verdict::Reject => false,
            Verdict::Continue => writes,
            Verdict::Jump(name) | Verdict::Goto(name) => {
                let mut other = packet.clone();
                let called = self.called(name, &mut other, here.called(true));
                let leaves = matches!(rule.verdict, Verdict::Goto(_)) && called.falls;
                let writes = writes || other.differs(packet);
                called.passes || called.exceptions || leaves || writes
            }
        }
    }
}
