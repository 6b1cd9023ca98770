//! What is executed together: a message with the tips for it, and several of those in one claim.

use alloy::{primitives::Address, sol_types::SolCall};
use postern_bindings::RelayTip::payTipCall;
use postern_protocol::message::Message;

use super::{
    RelayerConfig,
    gas::{Estimate, Part, TIP_GAS, estimate},
};

/// What a tip may ask for to share a transaction: no tip needs more, and all of it would have to be in the gas limit.
const MAX_TIP_GAS: u64 = 10 * TIP_GAS;

/// The index of the message that a message tips for, if it is a tip.
pub(super) fn tipped_by(message: &Message, relay_tip: Option<Address>) -> Option<u64> {
    if relay_tip != Some(message.target) {
        return None;
    }
    Some(payTipCall::abi_decode_validate(&message.data).ok()?.index)
}

/// The value of a message, in wei: what a tip pays. More than there is ETH counts as the most that can be counted.
pub(super) fn value(message: &Message) -> u128 {
    message.value.saturating_to()
}

/// Whether a tip is paid in a batch, where it gets what it was promised and no more, without making that much larger.
fn is_sociable(tip: &Message) -> bool {
    (TIP_GAS..=MAX_TIP_GAS).contains(&tip.gas_limit)
}

/// Messages that are executed in one transaction, or not at all: a message and tips for it, or tips for one that was executed.
#[derive(Clone, Debug)]
pub(super) struct Bundle {
    /// The index of the message that it is about.
    pub(super) index: u64,
    /// In order of their index.
    pub(super) messages: Vec<Message>,
    parts: Vec<Part>,
    /// What the tips pay, in wei.
    pub(super) tips: u128,
    pub(super) gas: Estimate,
    /// Whether it must not share a transaction.
    alone: bool,
    /// Whether its message is executed also without its tips.
    unpaid: bool,
}

/// A message and its tips before it is decided which of them go together.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    /// The index of the message.
    pub(super) index: u64,
    /// The message; none if it was executed.
    pub(super) message: Option<Message>,
    /// Those who pay most first.
    pub(super) tips: Vec<Message>,
    /// Whether the message is executed also without tips.
    pub(super) unpaid: bool,
    /// Depth of the outbox tree.
    pub(super) depth: usize,
}

impl Offered {
    /// The highest gas price, in wei, at which tips pay for all gas that the claim can use.
    pub(super) fn worth(&self, config: &RelayerConfig) -> u128 {
        // A tip joins if it makes the rest pay for more: others could only spoil the price.
        let joins = |tip: u128, gas: u64, before: &Bundle| {
            before.messages.is_empty()
                || tip.saturating_mul(before.gas.most.into()) > before.tips.saturating_mul(gas.into())
        };
        self.bundle(config, joins).map_or(0, |bundle| bundle.tips / u128::from(bundle.gas.most))
    }

    /// What to execute while a gas must bring `price` wei, if there is anything.
    pub(super) fn at_price(&self, config: &RelayerConfig, price: u128) -> Option<Bundle> {
        let joins = |tip: u128, gas: u64, before: &Bundle| {
            before.messages.is_empty() || tip >= price.saturating_mul(gas.into())
        };
        let bundle = self.bundle(config, joins)?;
        let pays = bundle.tips >= price.saturating_mul(bundle.gas.most.into());
        (pays || bundle.unpaid).then_some(bundle)
    }

    /// The message and the tips that join it, each being asked with the gas that it adds to those before it.
    fn bundle(&self, config: &RelayerConfig, joins: impl Fn(u128, u64, &Bundle) -> bool) -> Option<Bundle> {
        let mut bundle = Bundle {
            index: self.index,
            messages: Vec::new(),
            parts: Vec::new(),
            tips: 0,
            gas: Estimate::default(),
            alone: false,
            unpaid: self.unpaid,
        };
        if let Some(message) = &self.message {
            bundle = bundle.with(message.clone(), None, self.depth);
        }
        for tip in &self.tips {
            let next = match &self.message {
                // A message may tip for itself.
                Some(message) if tip.index == message.index => Bundle { tips: value(tip), ..bundle.clone() },
                // A claim is in order of the indices: a tip before its message would fail.
                Some(message) if tip.index < message.index => continue,
                _ if !is_sociable(tip) => continue,
                _ => bundle.clone().with(tip.clone(), Some(value(tip)), self.depth),
            };
            let fits = next.messages.len() <= config.max_batch && next.gas.limit <= config.max_transaction_gas;
            if fits && joins(value(tip), next.gas.used - bundle.gas.used + TIP_GAS, &bundle) {
                bundle = next;
            }
        }
        // The others go one by one, each with all the gas of a transaction.
        if bundle.messages.is_empty()
            && let Some(tip) = self.tips.iter().find(|tip| !is_sociable(tip))
        {
            bundle = Bundle { alone: true, ..bundle.with(tip.clone(), Some(value(tip)), self.depth) };
        }
        (!bundle.messages.is_empty()).then_some(bundle)
    }
}

impl Bundle {
    /// The same with one more message; with what it pays if it is a tip.
    fn with(mut self, message: Message, tip: Option<u128>, depth: usize) -> Self {
        let at = self.messages.partition_point(|other| other.index < message.index);
        let part = Part::from(&message);
        self.parts.insert(at, if tip.is_some() { part.tip() } else { part });
        self.messages.insert(at, message);
        self.tips = self.tips.saturating_add(tip.unwrap_or_default());
        self.gas = estimate(&self.parts, depth);
        self
    }

    /// The message without its tips, if it is executed without them.
    pub(super) fn without_tips(mut self, depth: usize) -> Option<Self> {
        if !self.unpaid || self.messages.len() == 1 {
            return None;
        }
        let at = self.messages.iter().position(|message| message.index == self.index)?;
        let (message, part) = (self.messages.swap_remove(at), self.parts.swap_remove(at));
        let gas = estimate(&[part], depth);
        Some(Self { messages: vec![message], parts: vec![part], tips: 0, gas, ..self })
    }
}

/// Bundles that one claim executes.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) bundles: Vec<Bundle>,
    pub(super) gas: Estimate,
}

impl From<Bundle> for Group {
    fn from(bundle: Bundle) -> Self {
        Self { gas: bundle.gas, bundles: vec![bundle] }
    }
}

impl Group {
    fn of(bundles: Vec<Bundle>, depth: usize) -> Self {
        let mut parts: Vec<Part> = bundles.iter().flat_map(|bundle| bundle.parts.iter().copied()).collect();
        parts.sort_unstable_by_key(Part::index);
        Self { gas: estimate(&parts, depth), bundles }
    }

    /// What the tips pay, in wei.
    pub(super) fn tips(&self) -> u128 {
        self.bundles.iter().fold(0, |sum, bundle| sum.saturating_add(bundle.tips))
    }

    /// The messages, in order of their index.
    pub(super) fn messages(&self) -> Vec<&Message> {
        let mut messages: Vec<_> = self.bundles.iter().flat_map(|bundle| &bundle.messages).collect();
        messages.sort_unstable_by_key(|message| message.index);
        messages
    }

    /// Two groups instead of one; the group itself if there is one bundle.
    pub(super) fn halves(mut self, depth: usize) -> Vec<Self> {
        if self.bundles.len() == 1 {
            return vec![self];
        }
        let second = self.bundles.split_off(self.bundles.len() / 2);
        vec![Self::of(self.bundles, depth), Self::of(second, depth)]
    }

    /// Both in one claim, if it fits a transaction and costs less than two.
    fn join(&self, bundle: &Bundle, config: &RelayerConfig, depth: usize) -> Option<Self> {
        if bundle.alone || self.bundles.iter().any(|other| other.alone) {
            return None;
        }
        let joined = Self::of([self.bundles.as_slice(), std::slice::from_ref(bundle)].concat(), depth);
        let messages = joined.messages();
        let fits = messages.len() <= config.max_batch && joined.gas.limit <= config.max_transaction_gas;
        // A tip can be tipped for, and be in two bundles.
        let distinct = messages.is_sorted_by(|one, other| one.index < other.index);
        let cheaper = joined.gas.used < self.gas.used + bundle.gas.used;
        (fits && distinct && cheaper).then_some(joined)
    }
}

/// The bundles, in groups that cost least: each joins the last group if that is cheaper than a claim of its own.
pub(super) fn group(bundles: Vec<Bundle>, config: &RelayerConfig, depth: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for bundle in bundles {
        match groups.last().and_then(|group| group.join(&bundle, config, depth)) {
            Some(joined) => *groups.last_mut().expect("it was joined") = joined,
            None => groups.push(bundle.into()),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bytes, U256};

    use super::*;

    const DEPTH: usize = 10;

    fn message(index: u64, gas_limit: u64) -> Message {
        let (sender, target) = (Address::repeat_byte(1), Address::with_last_byte(2));
        Message { index, sender, target, value: U256::ONE, gas_limit, data: Bytes::new() }
    }

    fn bundle(index: u64, gas_limit: u64) -> Bundle {
        let message = Some(message(index, gas_limit));
        let offered = Offered { index, message, tips: Vec::new(), unpaid: true, depth: DEPTH };
        offered.at_price(&RelayerConfig::default(), 1).unwrap()
    }

    /// Messages in groups, by their indices.
    fn grouped(bundles: Vec<Bundle>, config: &RelayerConfig) -> Vec<Vec<u64>> {
        let indices = |group: &Group| group.messages().iter().map(|message| message.index).collect();
        group(bundles, config, DEPTH).iter().map(indices).collect()
    }

    #[test]
    fn messages_go_together_as_far_as_a_transaction_goes() {
        let config = RelayerConfig { max_batch: 3, ..RelayerConfig::default() };
        let small = || (0..5).map(|index| bundle(index * 100, 0)).collect::<Vec<_>>();
        assert_eq!(grouped(small(), &config), [vec![0, 100, 200], vec![300, 400]]);
        let config = RelayerConfig { max_transaction_gas: 2_500_000, ..config };
        let large = (0..3).map(|index| bundle(index, 1_000_000)).collect();
        assert_eq!(grouped(large, &config), [vec![0, 1], vec![2]]);

        // It is cheaper, as the model says.
        let (one, both) = (bundle(0, 0).gas.used, &group(small(), &RelayerConfig::default(), DEPTH)[0]);
        assert!(both.gas.used < 5 * one, "{} is less than 5 times {one}", both.gas.used);
    }

    /// A tip that was promised too little would fail in a batch. It is no part of one, and nothing that spoils others.
    #[test]
    fn a_tip_with_too_little_gas_goes_alone_and_last() {
        let tip = |index, gas_limit, value: u64| Message { value: U256::from(value), ..message(index, gas_limit) };
        let mut offered = Offered {
            index: 0,
            message: Some(message(0, 0)),
            tips: vec![tip(1, TIP_GAS - 1, 2_000_000_000), tip(2, TIP_GAS, 1_000_000_000)],
            unpaid: false,
            depth: DEPTH,
        };
        let indices = |bundle: Bundle| bundle.messages.iter().map(|message| message.index).collect::<Vec<_>>();
        assert_eq!(indices(offered.at_price(&RelayerConfig::default(), 1).unwrap()), [0, 2]);
        offered.message = None;
        assert_eq!(indices(offered.at_price(&RelayerConfig::default(), 1).unwrap()), [2]);
        offered.tips.pop();
        let last = offered.at_price(&RelayerConfig::default(), 1).unwrap();
        assert!(last.alone);
        assert_eq!(grouped(vec![last, bundle(5, 0)], &RelayerConfig::default()), [[1], [5]]);
    }

    /// Whoever wants to keep a message from being relayed could tip for it in ways that cost more than they bring.
    #[test]
    fn a_tip_that_takes_more_than_it_brings_does_not_spoil_another() {
        let tip = |index, gas_limit, value: u64| Message { value: U256::from(value), ..message(index, gas_limit) };
        let good = Offered {
            index: 0,
            message: Some(message(0, 0)),
            tips: vec![tip(2, 50_000, 1_000_000_000)],
            unpaid: false,
            depth: DEPTH,
        };
        let price = good.worth(&RelayerConfig::default());
        assert!(price > 1_000_000_000 / 300_000);
        assert!(
            good.at_price(&RelayerConfig::default(), price).is_some()
                && good.at_price(&RelayerConfig::default(), price + 1).is_none()
        );
        let mut poisoned = good.clone();
        poisoned.tips.insert(0, tip(3, MAX_TIP_GAS + 1, 2_000_000_000));
        poisoned.tips.push(tip(4, 50_000, 1));
        assert_eq!(poisoned.worth(&RelayerConfig::default()), price);
        assert_eq!(poisoned.at_price(&RelayerConfig::default(), price).unwrap().messages.len(), 2);
    }

    #[test]
    fn a_tip_for_a_tip_is_in_one_group_once() {
        let both = |index, tip| Offered {
            index,
            message: Some(message(index, 50_000)),
            tips: vec![message(tip, 50_000)],
            unpaid: true,
            depth: DEPTH,
        };
        let bundles = [both(0, 1), both(1, 2)].map(|offered| offered.at_price(&RelayerConfig::default(), 0).unwrap());
        assert_eq!(grouped(bundles.to_vec(), &RelayerConfig::default()), [[0, 1], [1, 2]]);
    }

    #[test]
    fn what_fails_with_its_tips_is_tried_without_them() {
        let mut offered = Offered {
            index: 3,
            message: Some(message(3, 0)),
            tips: vec![message(4, 50_000)],
            unpaid: true,
            depth: DEPTH,
        };
        let alone = offered.at_price(&RelayerConfig::default(), 0).unwrap().without_tips(DEPTH).unwrap();
        assert_eq!((alone.messages.len(), alone.messages[0].index, alone.tips), (1, 3, 0));
        assert_eq!(alone.gas, bundle(3, 0).gas);
        assert!(alone.without_tips(DEPTH).is_none());
        offered.unpaid = false;
        assert!(offered.at_price(&RelayerConfig::default(), 0).unwrap().without_tips(DEPTH).is_none());
    }
}
