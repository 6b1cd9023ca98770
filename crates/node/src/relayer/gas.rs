//! What claims cost in L1 gas, before they are simulated.
//!
//! A claim pays for the transaction and its calldata, for the outbox root, for the proof's hashes, and for each message. What the
//! targets use is theirs to decide, up to what each message promises, or asks for. EIP-7623 sets a floor under what a transaction
//! with much calldata pays: below it execution is free.
//!
//! The constants are those of the contracts behind their proxies, as compiled; a test compares the model with receipts.

use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, U256},
    sol_types::SolValue,
};
use postern_bindings::Bridge;
use postern_protocol::message::Message;

/// Every transaction.
const TRANSACTION: u64 = 21_000;
/// A byte of calldata that is zero counts as one token, another as four (EIP-7623).
const TOKENS_PER_BYTE: u64 = 4;
/// Gas of a token.
const TOKEN: u64 = 4;
/// The least gas of a token, whatever is executed.
const FLOOR_TOKEN: u64 = 10;

/// Calldata of the claim of one message, besides that and the proof's siblings: selector, commitment, offset and length.
const FRAME: Calldata = Calldata { zeros: 61, others: 39 };
/// The same of a batch, which has the depth as well, and more offsets and lengths.
const BATCH_FRAME: Calldata = Calldata { zeros: 154, others: 42 };
/// Execution of a claim besides its messages: the proxy, the slot of the root, the decoding.
const CLAIM: u64 = 7_500;
/// More of the same if it is a batch.
const BATCH: u64 = 2_450;
/// An inner node of a single message's proof.
const NODE: u64 = 260;
/// An inner node of a multiproof.
const MULTIPROOF_NODE: u64 = 900;
/// A message: leaf, context, bit in a word that is warm, event.
const MESSAGE: u64 = 4_500;
/// More of the same if it is in a batch.
const BATCH_MESSAGE: u64 = 1_570;
/// First access to a word of executed bits: reading and writing it, less what a warm one costs.
const WORD: u64 = 4_900;
/// More of the same if no message of the word was executed before.
const NEW_WORD: u64 = 17_100;
/// First access to a target, less what a warm one costs.
const TARGET: u64 = 2_500;
/// More for a message after one that failed: that one gave its bit back, so the word is as it was before the claim, and writing to it
/// costs 20,000 again instead of 100.
const WORD_AGAIN: u64 = 19_900;
/// Access to the account that a target delegates to (EIP-7702). There is none if a transfer creates the target, which takes more.
const DELEGATE: u64 = 2_600;
/// What a message that fails takes more than one that is executed: its bit is given back, and its reason logged.
const FAILURE: u64 = 4_000;
/// A transfer of ETH, less the stipend.
const VALUE: u64 = 6_700;
/// The stipend, which a contract may use.
const STIPEND: u64 = 2_300;
/// More of the same if it creates the account.
const NEW_ACCOUNT: u64 = 25_000;
/// Copying and hashing a word of a message.
const DATA_WORD: u64 = 20;
/// `PromisedCall.OVERHEAD`: what must be left when a message is called, besides what it was promised.
const CALL_OVERHEAD: u64 = 40_000;
/// The most that the call of a tip uses: `RelayTip` asks whether the message was executed, logs, and sends the ETH. A tip that is
/// promised less is not paid in a batch, where it gets no more than that.
pub const TIP_GAS: u64 = 20_000;
/// By how much the reserve exceeds what the model says of the contracts' own execution: a sixteenth.
const SAFETY: u64 = 16;
/// What the call of a message gets that is executed by itself, even if its sender asked for less: so much a wallet contract may
/// well need to take ETH. In a batch it gets what it was promised.
const LEAST_CALL_GAS: u64 = 100_000;

/// Bytes of calldata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calldata {
    zeros: u64,
    others: u64,
}

impl Calldata {
    fn of(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().filter(|byte| **byte == 0).count() as u64;
        Self { zeros, others: bytes.len() as u64 - zeros }
    }

    const fn bytes(self) -> u64 {
        self.zeros + self.others
    }

    const fn tokens(self) -> u64 {
        self.zeros + self.others * TOKENS_PER_BYTE
    }
}

/// What a message brings to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    index: u64,
    target: Address,
    has_value: bool,
    calldata: Calldata,
    promised: u64,
    is_tip: bool,
}

impl Part {
    /// Index of the message.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The same message, of which is known that it is a tip.
    pub const fn tip(self) -> Self {
        Self { is_tip: true, ..self }
    }

    /// The most that its call uses if it can have so much.
    fn uses(&self, reserved: u64) -> u64 {
        if self.is_tip { reserved.min(TIP_GAS) } else { reserved + if self.has_value { STIPEND } else { 0 } }
    }
}

impl From<&Message> for Part {
    fn from(message: &Message) -> Self {
        Self {
            index: message.index,
            target: message.target,
            has_value: message.value > U256::ZERO,
            calldata: Calldata::of(&Bridge::Message::from(message.clone()).abi_encode()),
            promised: message.gas_limit,
            is_tip: false,
        }
    }
}

/// What a claim costs, in L1 gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// What it uses if its targets use nothing, accounts exist and words of executed bits are in use.
    pub used: u64,
    /// What it uses at the most if it executes all its messages, whatever their targets use.
    pub most: u64,
    /// With so much, every message has what is reserved for it, whatever those before it use and however many of them fail, which
    /// takes more than executing them: the gas limit, and what it uses at the most in any case.
    pub limit: u64,
    /// Bytes of its calldata.
    pub calldata: u64,
}

/// What it costs to execute these messages in one transaction: rising indices of an outbox tree of this depth.
///
/// One message is executed by itself, several as a batch.
pub fn estimate(parts: &[Part], depth: usize) -> Estimate {
    let proof = Proof::of(parts.iter().map(|part| part.index).collect(), depth);
    let words = distinct(parts.iter().map(|part| part.index / 256));
    let targets = distinct(parts.iter().map(|part| part.target));
    let count = parts.len() as u64;
    let paid = parts.iter().filter(|part| part.has_value).count() as u64;
    let new_accounts = parts.iter().filter(|part| part.has_value && !part.is_tip).count() as u64;
    let data = parts.iter().map(|part| part.calldata.bytes()).sum::<u64>();
    let data_words = parts.iter().map(|part| part.calldata.bytes() / 32).sum::<u64>();
    let (frame, claim, node, message, least) = match parts {
        [_] => (FRAME, CLAIM, NODE, MESSAGE, LEAST_CALL_GAS),
        _ => (BATCH_FRAME, CLAIM + BATCH, MULTIPROOF_NODE, MESSAGE + BATCH_MESSAGE, 0),
    };
    let siblings = Calldata { zeros: 0, others: 32 * proof.siblings };
    let tokens = parts.iter().map(|part| part.calldata.tokens()).sum::<u64>() + frame.tokens() + siblings.tokens();

    let execution = claim
        + node * proof.nodes
        + message * count
        + WORD * words
        + TARGET * targets
        + VALUE * paid
        // Memory gets dearer with the square of its size.
        + DATA_WORD * data_words
        + data_words * data_words / 512;
    let own =
        execution + execution / SAFETY + NEW_WORD * words + NEW_ACCOUNT * new_accounts + DELEGATE * (count - paid);
    let reserved = |part: &Part| part.promised.max(least);
    // 63/64 of what is left go to a call.
    let last = CALL_OVERHEAD + parts.iter().map(reserved).max().unwrap_or_default() / 63;
    let failures = (WORD_AGAIN + FAILURE) * count.saturating_sub(1);
    let calls = parts.iter().map(|part| part.uses(reserved(part)).max(reserved(part))).sum::<u64>();
    let forwarded = own + failures + calls + last;

    let floor = TRANSACTION + FLOOR_TOKEN * tokens;
    let standard = TRANSACTION + TOKEN * tokens;
    Estimate {
        used: (standard + execution).max(floor),
        most: (standard + own + parts.iter().map(|part| part.uses(reserved(part))).sum::<u64>()).max(floor),
        // The proxy forwards 63/64 as well.
        limit: (standard + forwarded + forwarded / 63 + 1).max(floor),
        calldata: data + frame.bytes() + siblings.bytes(),
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> u64 {
    items.collect::<BTreeSet<_>>().len() as u64
}

/// Size of a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Proof {
    /// Hashes that it consists of.
    siblings: u64,
    /// Inner nodes that are computed from them and the leaves.
    nodes: u64,
}

impl Proof {
    /// Of leaves at these rising indices in a tree of this depth.
    fn of(mut indices: Vec<u64>, depth: usize) -> Self {
        let mut proof = Self::default();
        for _ in 0..depth {
            let children = indices.len() as u64;
            indices.iter_mut().for_each(|index| *index /= 2);
            indices.dedup();
            let parents = indices.len() as u64;
            proof.nodes += parents;
            // Of two children each, those that are not given.
            proof.siblings += 2 * parents - children;
        }
        proof
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Bytes;
    use postern_protocol::outbox::Tree;

    use super::*;

    /// A transfer of ETH to an account that exists.
    fn transfer(index: u64) -> Message {
        Message {
            index,
            sender: Address::repeat_byte(0x11),
            target: Address::from_word(U256::from(0xb0b_000 + index).into()),
            value: U256::from(1_200_000_000_000_000_000_u64),
            gas_limit: 0,
            data: Bytes::new(),
        }
    }

    fn parts(indices: impl IntoIterator<Item = u64>) -> Vec<Part> {
        indices.into_iter().map(|index| Part::from(&transfer(index))).collect()
    }

    #[test]
    fn a_proof_is_as_long_as_the_tree_gives_it() {
        let mut tree = Tree::default();
        (0..100).for_each(|_| tree.push(Default::default()));
        for indices in [vec![0], vec![99], vec![6, 7], vec![0, 99], vec![3, 4, 5, 64, 65, 98], (0..100).collect()] {
            let siblings = tree.multiproof(&indices, 100).unwrap().len() as u64;
            assert_eq!(Proof::of(indices.clone(), 7).siblings, siblings, "{indices:?}");
        }
        // One node at each level; those of two leaves meet at the fourth.
        assert_eq!(Proof::of(vec![5], 7), Proof { siblings: 7, nodes: 7 });
        assert_eq!(Proof::of(vec![0, 8], 7), Proof { siblings: 9, nodes: 10 });
    }

    /// The figures of `contracts/snapshots/Peers.json`: what forge measures at depth 20.
    #[test]
    fn claims_cost_what_forge_measures() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/snapshots/Peers.json");
        let snapshots: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let measured = |name: &str| snapshots[name].as_str().unwrap().parse::<u64>().unwrap();
        let first = 123_456;
        let one = estimate(&parts([first]), 20);
        let batch = estimate(&parts(first / 32 * 32..(first / 32 + 1) * 32), 20);
        for (modelled, measured) in [
            (one.used, measured("execute_eth_depth20_used_word")),
            (batch.used / 32, measured("execute_batch32_per_message")),
            (one.used + NEW_WORD, measured("execute_eth_depth20_new_word")),
        ] {
            assert!(modelled.abs_diff(measured) * 100 <= 3 * measured, "modelled {modelled}, measured {measured}");
        }
    }

    #[test]
    fn much_calldata_pays_the_floor_and_executes_for_free() {
        let message = |length: usize| Part::from(&Message { data: vec![1; length].into(), ..transfer(0) });
        let (one, other) = (estimate(&[message(10_000)], 3), estimate(&[message(10_032)], 3));
        // A word more: 40 gas for each byte that is not zero.
        assert_eq!(other.used - one.used, 32 * 40);
        // A level more: nothing but the bytes of its sibling.
        assert_eq!(estimate(&[message(10_000)], 4).used - one.used, 32 * 40);
        assert_eq!(estimate(&parts([0]), 4).used - estimate(&parts([0]), 3).used, 32 * 16 + NODE);
    }

    /// A message that fails gives its bit back: the next one finds the word as it was before, and pays for it anew.
    #[test]
    fn a_batch_reserves_a_new_word_and_a_delegated_target_for_each_message() {
        let calls = |count| parts(0..count).into_iter().map(|part| Part { has_value: false, ..part });
        let model = |count| estimate(&calls(count).collect::<Vec<_>>(), 5);
        let (few, many) = (model(2), model(32));
        let (first_write, later_write, delegate) = (20_000, 100, 2_600);
        assert!((many.limit - many.most) - (few.limit - few.most) >= 30 * (first_write - later_write));
        // That is taken also of what is executed.
        assert!((many.most - many.used) - (few.most - few.used) >= 30 * delegate);
    }

    #[test]
    fn a_batch_reserves_for_each_message_what_it_was_promised() {
        let promised = |gas_limit| Part { promised: gas_limit, has_value: false, ..parts([0])[0] };
        let (few, many) = ([promised(0), promised(0)], [promised(630_000), promised(630_000)]);
        let (few, many) = (estimate(&few, 3), estimate(&many, 3));
        assert_eq!(many.most - few.most, 2 * 630_000);
        // Of what is left at the last one, 63/64 go to its call, and before that 63/64 to the implementation.
        let (reserve, passed_on) = (2 * 630_000 + 10_000, (2 * 630_000 + 10_000) / 63);
        assert!((many.limit - few.limit).abs_diff(reserve + passed_on) <= 1);
        assert_eq!(many.used, few.used);

        // Of a tip it is known what it uses.
        let tips = many_tips();
        assert_eq!(estimate(&tips, 3).most - few.most, 2 * TIP_GAS);
        assert_eq!(estimate(&tips, 3).limit, many.limit);

        fn many_tips() -> [Part; 2] {
            let tip = Part { promised: 630_000, has_value: false, ..parts([0])[0] }.tip();
            [tip, tip]
        }
    }
}
