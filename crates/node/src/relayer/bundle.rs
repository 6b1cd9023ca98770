//! What is executed together: a message with the tips for it, and several of those in one claim.

use std::cmp::Reverse;

use alloy::{primitives::Address, sol_types::SolCall};
use postern_bindings::RelayTip::payTipCall;
use postern_protocol::message::Message;

use super::{
    RelayerConfig,
    gas::{Estimate, Part, TIP_GAS, estimate},
};

/// What a tip may ask for to share a transaction: no tip needs more, and all of it would have to be in the gas limit.
const MAX_TIP_GAS: u64 = 10 * TIP_GAS;

/// Calldata of a claim, at most, in bytes. Nodes pass on no transaction of more than 131,072; the longest message with as many tips
/// as go along takes less.
const MAX_CALLDATA: u64 = 120_000;

/// Whether so many messages that cost so much fit a transaction.
fn fit(messages: usize, gas: Estimate, config: &RelayerConfig) -> bool {
    messages <= config.max_batch && gas.limit <= config.max_transaction_gas && gas.calldata <= MAX_CALLDATA
}

/// The index of the message that a message tips for, if it is a tip: that call and not a byte more, which would only make it dear.
pub(super) fn tipped_by(message: &Message, relay_tip: Option<Address>) -> Option<u64> {
    if relay_tip != Some(message.target) {
        return None;
    }
    let call = payTipCall::abi_decode_validate(&message.data).ok()?;
    (call.abi_encode() == message.data).then_some(call.index)
}

/// The value of a message, in wei: what a tip pays. More than there is ETH counts as the most that can be counted.
pub(super) fn value(message: &Message) -> u128 {
    message.value.saturating_to()
}

/// Whether a tip is paid in a batch, where it gets what it was promised and no more, without making that much larger.
fn is_sociable(tip: &Message) -> bool {
    (TIP_GAS..=MAX_TIP_GAS).contains(&tip.gas_limit)
}

/// Whether a tip can be paid in the transaction that executes its message, the one of this index: by that message itself, or after
/// it. A claim is in order of the indices, where a tip before its message would fail.
pub(super) fn can_join(tip: &Message, index: u64) -> bool {
    tip.index == index || tip.index > index && is_sociable(tip)
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
    /// The tips for it, in any order.
    pub(super) tips: Vec<Message>,
    /// Whether the message is executed also without tips.
    pub(super) unpaid: bool,
    /// Depth of the outbox tree.
    pub(super) depth: usize,
}

impl Offered {
    /// The highest gas price, in wei, at which tips pay for all gas that the claim can use.
    pub(super) fn worth(&self, config: &RelayerConfig) -> u128 {
        self.best_paid(config).map_or(0, |bundle| bundle.worth())
    }

    /// What to execute while a gas must bring `price` wei, if there is anything: always if that is no more than it is worth.
    pub(super) fn at_price(&self, config: &RelayerConfig, price: u128) -> Option<Bundle> {
        let joins = |tip: u128, gas: u64, before: &Bundle| {
            before.messages.is_empty() || tip >= price.saturating_mul(gas.into())
        };
        let bundle = self.bundle(config, joins)?;
        if bundle.pays(price) {
            return Some(bundle);
        }
        // Each tip pays for what it adds to what is used, and yet not all of them for the most that may be.
        self.best_paid(config).filter(|bundle| bundle.pays(price)).or_else(|| bundle.unpaid.then_some(bundle))
    }

    /// What pays at the highest gas price.
    fn best_paid(&self, config: &RelayerConfig) -> Option<Bundle> {
        // A tip joins if it makes the rest pay for more: others could only spoil the price.
        let joins = |tip: u128, gas: u64, before: &Bundle| {
            before.messages.is_empty()
                || tip.saturating_mul(before.gas.most.into()) > before.tips.saturating_mul(gas.into())
        };
        self.bundle(config, joins)
    }

    /// The message and the tips that join it, those first that pay most for a gas, each being asked with the gas that it adds to
    /// those before it.
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
            // A message may tip for itself.
            bundle.tips = self.tips.iter().find(|tip| tip.index == self.index).map_or(0, value);
        }
        let joining = |tip: &&Message| match self.message {
            Some(_) => tip.index != self.index && can_join(tip, self.index),
            None => is_sociable(tip),
        };
        let mut tips: Vec<_> = self.tips.iter().filter(joining).collect();
        tips.sort_by_cached_key(|tip| {
            let (_, gas) = bundle.with_tip(tip, self.depth);
            Reverse((value(tip) / u128::from(gas), value(tip)))
        });
        for tip in tips {
            let (next, gas) = bundle.with_tip(tip, self.depth);
            if next.fits(config) && joins(value(tip), gas, &bundle) {
                bundle = next;
            }
        }
        // The others go one by one, each with all the gas of a transaction.
        if bundle.messages.is_empty()
            && let Some(tip) = self.tips.iter().filter(|tip| !is_sociable(tip)).max_by_key(|tip| value(tip))
        {
            bundle = bundle.with(tip.clone(), Some(value(tip)), self.depth).apart();
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

    /// The same, in a transaction of its own.
    pub(super) fn apart(self) -> Self {
        Self { alone: true, ..self }
    }

    /// The same with a tip, and the gas that it adds.
    fn with_tip(&self, tip: &Message, depth: usize) -> (Self, u64) {
        let next = self.clone().with(tip.clone(), Some(value(tip)), depth);
        let gas = next.gas.used - self.gas.used + TIP_GAS;
        (next, gas)
    }

    /// Whether it fits a transaction.
    fn fits(&self, config: &RelayerConfig) -> bool {
        fit(self.messages.len(), self.gas, config)
    }

    /// The highest gas price, in wei, that its tips pay.
    fn worth(&self) -> u128 {
        self.tips / u128::from(self.gas.most)
    }

    /// Whether its tips pay this gas price, in wei.
    fn pays(&self, price: u128) -> bool {
        self.tips >= price.saturating_mul(self.gas.most.into())
    }

    /// The message without its tips, if it is executed without them.
    pub(super) fn without_tips(&self, depth: usize) -> Option<Self> {
        if !self.unpaid || self.messages.len() == 1 {
            return None;
        }
        let at = self.messages.iter().position(|message| message.index == self.index)?;
        let (messages, parts) = (vec![self.messages[at].clone()], vec![self.parts[at]]);
        Some(Self { gas: estimate(&parts, depth), messages, parts, tips: 0, ..*self })
    }

    /// The same after the message before its own, if that may be what it fails without, and its tips pay for both at this gas
    /// price, in wei. A gateway registers a token by the message directly before the token's first withdrawal, and only that one
    /// brings a tip.
    pub(super) fn after(&self, before: Message, price: u128, config: &RelayerConfig, depth: usize) -> Option<Self> {
        let message = self.messages.first().filter(|message| message.index == self.index)?;
        let (one, other) = ((before.sender, before.target), (message.sender, message.target));
        if before.index + 1 != message.index || one != other || before.gas_limit > config.max_message_gas {
            return None;
        }
        Some(self.clone().with(before, None, depth)).filter(|bundle| bundle.fits(config) && bundle.pays(price))
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

    /// The highest gas price, in wei, that its tips pay.
    fn worth(&self) -> u128 {
        let tips = self.bundles.iter().fold(0_u128, |sum, bundle| sum.saturating_add(bundle.tips));
        tips / u128::from(self.gas.most)
    }

    /// The highest gas price, in wei, at which it is executed: there is one if all of it is executed for its tips alone.
    pub(super) fn bound(&self, config: &RelayerConfig) -> u128 {
        if self.is_unpaid() { u128::MAX } else { config.less_margin(self.worth()) }
    }

    /// Whether something in it is executed whatever that costs.
    fn is_unpaid(&self) -> bool {
        self.bundles.iter().any(|bundle| bundle.unpaid)
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
        // What is executed for its tips alone would lose its bound beside what is executed whatever that costs.
        if bundle.alone || self.bundles.iter().any(|other| other.alone || other.unpaid != bundle.unpaid) {
            return None;
        }
        let joined = Self::of([self.bundles.as_slice(), std::slice::from_ref(bundle)].concat(), depth);
        let messages = joined.messages();
        let fits = fit(messages.len(), joined.gas, config);
        // A tip can be tipped for, and be in two bundles.
        let distinct = messages.is_sorted_by(|one, other| one.index < other.index);
        let cheaper = joined.gas.used < self.gas.used + bundle.gas.used;
        (fits && distinct && cheaper).then_some(joined)
    }
}

/// The groups in reverse of the order in which they go: first what is executed whatever that costs, so that nothing that waits for a
/// price is before it; what pays most for a gas, so that what gets too dear leaves no more to try; and what was sent first.
pub(super) fn last_first(mut groups: Vec<Group>) -> Vec<Group> {
    groups.reverse();
    groups.sort_by_cached_key(|group| (group.is_unpaid(), group.worth()));
    groups
}

/// The bundles, in groups that cost least: each joins the last group if that is cheaper than a claim of its own.
pub(super) fn group(mut bundles: Vec<Bundle>, config: &RelayerConfig, depth: usize) -> Vec<Group> {
    // Neither kind is between those of the other, which it does not join.
    bundles.sort_by_key(|bundle| bundle.unpaid);
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
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const DEPTH: usize = 10;

    fn message(index: u64, gas_limit: u64) -> Message {
        let (sender, target) = (Address::repeat_byte(1), Address::with_last_byte(2));
        Message { index, sender, target, value: U256::ONE, gas_limit, data: Bytes::new() }
    }

    fn bundle(index: u64, gas_limit: u64) -> Bundle {
        bundle_at(DEPTH, index, gas_limit)
    }

    fn bundle_at(depth: usize, index: u64, gas_limit: u64) -> Bundle {
        let message = Some(message(index, gas_limit));
        let offered = Offered { index, message, tips: Vec::new(), unpaid: true, depth };
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

    /// In a deep tree messages far apart share little of their proofs, of which a node costs more in a batch than in a claim of one.
    #[test]
    fn messages_go_one_by_one_where_together_they_cost_more() {
        const DEEP: usize = 32;
        for (far, expected) in [(1, 1), (u64::from(u32::MAX), 2)] {
            let bundles = [0, far].map(|index| bundle_at(DEEP, index, 0)).to_vec();
            let apart: u64 = bundles.iter().map(|bundle| bundle.gas.used).sum();
            let together = Group::of(bundles.clone(), DEEP).gas.used;
            assert_eq!(together > apart, expected == 2, "{together} together, {apart} apart");
            assert_eq!(group(bundles, &RelayerConfig::default(), DEEP).len(), expected, "0 and {far}");
        }
    }

    /// L1 does not pass on what is longer.
    #[test]
    fn a_claim_is_no_longer_than_l1_takes() {
        let config = RelayerConfig::default();
        let long = |index, length: usize| Message { data: vec![1; length].into(), ..message(index, 0) };
        let unpaid = |message: Message, tips| {
            let offered = Offered { index: message.index, message: Some(message), tips, unpaid: true, depth: 20 };
            offered.at_price(&config, 1).unwrap()
        };
        let bundles = |length| (0..3).map(|index| unpaid(long(index, length), Vec::new())).collect::<Vec<_>>();
        assert_eq!(grouped(bundles(65_536), &config), [[0], [1], [2]]);
        assert_eq!(grouped(bundles(50_000), &config), [vec![0, 1], vec![2]]);

        // The longest there is with as many tips as go along, and these from far away.
        let tips = (1..40).map(|number| tip(number * 1_000, 1_000_000_000_000_000)).collect();
        assert_eq!(unpaid(long(0, 65_536), tips).messages.len(), config.max_batch);
    }

    /// A tip of so many wei, by the message of this index.
    fn tip(index: u64, wei: u128) -> Message {
        Message { value: U256::from(wei), ..message(index, 50_000) }
    }

    fn indices(bundle: &Bundle) -> Vec<u64> {
        bundle.messages.iter().map(|message| message.index).collect()
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

    /// It would be due for ever without being executed or postponed, in the place of another.
    #[test]
    fn a_tip_for_itself_beside_a_richer_one_does_not_stall_the_relayer() {
        let config = RelayerConfig::default();
        let (price, most) = (1_000_000_000, 200_000);
        for factor in 1..10 {
            let rich = factor * price * most;
            // Just what its call takes of that.
            let own = rich * u128::from(TIP_GAS) / most;
            let message = tip(0, own);
            let tips = vec![tip(1, rich), message.clone()];
            let offered = Offered { index: 0, message: Some(message), tips, unpaid: false, depth: DEPTH };
            assert!(offered.worth(&config) >= price);
            let bundle = offered.at_price(&config, price).expect("it is worth that");
            assert_eq!((indices(&bundle), bundle.tips), (vec![0, 1], own + rich));
        }
    }

    /// The same, by what a tip adds to the floor under what is used, and not to the most that may be.
    #[test]
    fn a_tip_of_much_calldata_does_not_stall_the_relayer() {
        let config = RelayerConfig::default();
        let wei = 1_000_000_000_000_000;
        let swollen = Message { data: vec![1; 32_768].into(), ..tip(2, 2 * wei) };
        let message = Some(message(0, 1_000_000));
        let offered = Offered { index: 0, message, tips: vec![tip(1, wei), swollen], unpaid: false, depth: DEPTH };
        let bundle = offered.at_price(&config, offered.worth(&config)).expect("it is worth that");
        assert_eq!(indices(&bundle), [0, 1, 2]);
    }

    /// Bytes of calldata. Many of them pay EIP-7623's floor, where what is used rises faster than the most that may be.
    fn swollen() -> impl Strategy<Value = usize> {
        prop_oneof![Just(36_usize), 0_usize..32_768]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is sent, nothing is due at a price at which there is nothing to execute.
        #[test]
        fn what_is_worth_a_price_is_executed_at_it(
            sent in prop::option::of((any::<bool>(), 0_u64..1_000_000, 0_usize..8_192)),
            tips in vec((1_u64..1_000, 0_u128..1_000_000_000_000_000, 0_u64..300_000, swollen()), 1..5),
            percent in 0_u128..=100,
        ) {
            let mut index = 0;
            let mut tips: Vec<Message> = tips
                .into_iter()
                .map(|(distance, wei, gas_limit, length)| {
                    index += distance;
                    Message { gas_limit, data: vec![1; length].into(), ..tip(index, wei) }
                })
                .collect();
            let message = sent.map(|(tips_for_itself, gas_limit, length)| {
                let message = Message { data: vec![1; length].into(), ..message(0, gas_limit) };
                tips_for_itself.then(|| tips.push(message.clone()));
                message
            });
            let offered = Offered { index: 0, message, tips, unpaid: false, depth: 20 };
            let config = RelayerConfig::default();
            let worth = offered.worth(&config);
            for price in [worth, worth * percent / 100] {
                let bundle = offered.at_price(&config, price);
                prop_assert!(bundle.is_some_and(|bundle| bundle.worth() >= price));
            }
        }
    }

    /// What it adds to the calldata would make the message too dear, for a wei more than an honest tip.
    #[test]
    fn a_tip_swollen_by_trailing_bytes_is_no_tip() {
        let relay_tip = Address::repeat_byte(0x71);
        for (trailing, expected) in [(0, Some(7)), (1, None), (65_536, None)] {
            let data = [payTipCall { index: 7 }.abi_encode(), vec![0; trailing]].concat();
            let message = Message { target: relay_tip, data: data.into(), ..tip(8, 1) };
            assert_eq!(tipped_by(&message, Some(relay_tip)), expected, "{trailing} bytes more");
        }
    }

    /// Its proof is longer, and its word of executed bits is another.
    #[test]
    fn a_distant_tip_of_a_wei_more_does_not_take_the_place_of_an_honest_one() {
        let config = RelayerConfig { max_batch: 2, ..RelayerConfig::default() };
        let honest = tip(1, 1_000_000_000_000_000);
        let distant = tip(1_000, 1_000_000_000_000_001);
        let offered = |tips| Offered { index: 0, message: Some(message(0, 0)), tips, unpaid: false, depth: DEPTH };
        let both = offered(vec![distant, honest.clone()]);
        let price = offered(vec![honest]).worth(&config);
        assert_eq!(both.worth(&config), price);
        assert_eq!(indices(&both.at_price(&config, price).unwrap()), [0, 1]);
    }

    /// Tips, by the message of this index, for one that was executed.
    fn left(index: u64, wei: u128) -> Group {
        let offered = Offered { index: 0, message: None, tips: vec![tip(index, wei)], unpaid: false, depth: DEPTH };
        offered.at_price(&RelayerConfig::default(), 0).unwrap().into()
    }

    /// When gas gets dearer meanwhile, nobody is to pay more for tips than they bring.
    #[test]
    fn tips_alone_are_not_chased_at_a_loss_also_by_who_relays_for_free() {
        let config = RelayerConfig { profitable_only: false, margin_percent: 10, ..RelayerConfig::default() };
        let wei = 1_000_000_000_000_000;
        let tips = left(1, wei);
        let bound = tips.bound(&config);
        let paid = bound * u128::from(tips.gas.most) * 110 / 100;
        assert!(paid <= wei && paid > wei - wei / 1_000, "{paid}");
        // What is executed for free is sent whatever that costs, and not together with it.
        assert_eq!(Group::from(bundle(5, 0)).bound(&config), u128::MAX);
        let bundles = [tips.bundles, vec![bundle(5, 0), bundle(6, 0)]].concat();
        assert_eq!(grouped(bundles, &config), [vec![1], vec![5, 6]]);
    }

    #[test]
    fn poor_tips_are_not_sent_before_rich_ones_nor_tips_before_what_needs_none() {
        let groups = vec![left(1, 1_000_000), left(2, 3_000_000), bundle(3, 0).into(), left(4, 3_000_000)];
        let mut sent = Vec::new();
        let mut groups = last_first(groups);
        while let Some(group) = groups.pop() {
            sent.push(group.messages()[0].index);
        }
        assert_eq!(sent, [3, 2, 4, 1]);
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

    /// A token of L2 is registered by the message directly before its first withdrawal, which alone brings a tip.
    #[test]
    fn a_tip_pays_also_for_what_its_message_may_need_before_it() {
        let config = RelayerConfig { max_message_gas: 600_000, ..RelayerConfig::default() };
        let before = message(2, 600_000);
        let offered = Offered {
            index: 3,
            message: Some(message(3, 250_000)),
            tips: vec![tip(4, 1_000_000_000_000_000)],
            unpaid: false,
            depth: DEPTH,
        };
        let alone = offered.at_price(&config, 1).unwrap();
        let both = alone.after(before.clone(), 1, &config, DEPTH).expect("it is worth that");
        assert_eq!(indices(&both), [2, 3, 4]);
        assert_eq!(both.gas, estimate(&both.parts, DEPTH));
        assert!(both.gas.most > alone.gas.most + 600_000);
        let price = both.worth();
        assert!(alone.after(before.clone(), price, &config, DEPTH).is_some());
        assert!(alone.after(before.clone(), price + 1, &config, DEPTH).is_none(), "the tip does not pay for both");

        // Nothing that others sent, nor to others, nor from further away, nor what is executed by nobody; and no more than one.
        for other in [
            Message { sender: Address::ZERO, ..before.clone() },
            Message { target: Address::ZERO, ..before.clone() },
            Message { index: 1, ..before.clone() },
            Message { gas_limit: 600_001, ..before },
        ] {
            assert!(alone.after(other, 1, &config, DEPTH).is_none());
        }
        assert!(both.after(message(1, 0), 1, &config, DEPTH).is_none());
        let small = RelayerConfig { max_batch: 2, ..config };
        assert!(alone.after(message(2, 0), 1, &small, DEPTH).is_none());
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
