//! Which commitments on L1 can become final, and whether this node says the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use alloy::primitives::B256;

use crate::{
    agreement::agrees,
    chain::{Chain, ChainError, L1Ref},
    store::{CommitmentEntry, CommitmentStatus},
};

/// Whether the node agrees with a commitment and all that it builds on; none if one of them was rejected.
type Verdict = Option<bool>;

/// What was found out about open commitments, so that no request walks from one back to the last final one if another did so
/// since L1 moved.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The L1 head, and the batches derived, for which it holds.
    at: (L1Ref, u64),
    verdicts: HashMap<B256, Verdict>,
}

impl Verdicts {
    /// Whether the node agrees with a commitment and all that it builds on; none if one of them was rejected.
    pub(super) fn stands(&self, chain: &Chain, entry: &CommitmentEntry) -> Result<Verdict, ChainError> {
        let heads = chain.heads();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.at != (heads.l1, heads.derived) {
            *known = Known { at: (heads.l1, heads.derived), verdicts: HashMap::new() };
        }

        let mut open = Vec::new();
        let mut next = entry.clone();
        let mut verdict = loop {
            if let Some(verdict) = known.verdicts.get(&next.id) {
                break *verdict;
            }
            match next.status {
                CommitmentStatus::Rejected => break None,
                // What it builds on is final as well.
                CommitmentStatus::Final => break Some(agrees(chain, &next)? == Some(true)),
                CommitmentStatus::Proposed => {}
            }
            let parent = next.commitment.parent;
            open.push(next);
            match chain.commitment(parent)? {
                Some(entry) => next = entry,
                // The genesis commitment, if it is not one that a reorganisation of L1 drops at this moment.
                None => break (parent == chain.genesis_commitment()).then_some(true),
            }
        };
        for entry in open.into_iter().rev() {
            verdict = match verdict {
                Some(true) => Some(agrees(chain, &entry)? == Some(true)),
                other => other,
            };
            known.verdicts.insert(entry.id, verdict);
        }
        Ok(verdict)
    }
}
