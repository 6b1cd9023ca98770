//! Messages that wait to be executed, and the tips for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeFrom,
    time::{Duration, Instant},
};

use alloy::primitives::Address;
use postern_protocol::{message::Message, outbox};
use tracing::{debug, info};

use super::{
    RelayerConfig,
    bundle::{Bundle, Offered, can_join, tipped_by, value},
};
use crate::{
    chain::{Chain, ChainError},
    role::Backoff,
    store::L1_HEADERS_KEPT,
};

/// Messages that are looked at in one piece of a scan.
const SCAN: u64 = 1_000;
/// Messages that one round tries, at most: what else is due waits for the next, so that no flood holds a round up. As many
/// that wait for a lower gas price are looked at again, in turn: their message may have been executed without them.
pub(super) const ROUND_MESSAGES: usize = 256;
/// Tips that are kept for one message: the highest.
const TIPS_KEPT: usize = 64;
/// The same of those that cannot be paid together with it.
const TIPS_APART_KEPT: usize = 16;
/// Messages that are kept for their tips alone: those that pay most.
const TIPPED_KEPT: usize = 100_000;

/// What the backlog goes by.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) chain: &'a Chain,
    pub(super) config: &'a RelayerConfig,
    pub(super) relay_tip: Option<Address>,
    /// Messages that can be executed: those before this index.
    pub(super) outbox_count: u64,
}

impl Rules<'_> {
    fn depth(&self) -> usize {
        outbox::depth(self.outbox_count)
    }

    /// A message, unless it asks for more gas than is given to any.
    fn message(&self, index: u64) -> Result<Option<Message>, ChainError> {
        let entry = self.chain.outbox_message(index)?;
        Ok(entry.map(|entry| entry.message).filter(|message| message.gas_limit <= self.config.max_message_gas))
    }
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// It failed too often.
    Attempts,
    /// It took too much gas without being executed.
    Gas,
}

/// What was tried for a message, and what its tips pay.
#[derive(Debug)]
struct Entry {
    backoff: Backoff,
    not_before: Instant,
    /// How often it failed.
    failures: u32,
    /// Whether it shares no transaction: one that it shared reverted.
    alone: bool,
    /// Whether it is executed also without tips. If not, it waits for a gas price that they pay.
    unpaid: bool,
    /// Value, in wei, and index of each tip that can be paid together with the message.
    tips: BTreeSet<(u128, u64)>,
    /// The same of those that cannot: whatever they offer, they take no place of those that can.
    tips_apart: BTreeSet<(u128, u64)>,
    /// The highest gas price that the tips pay, in wei.
    worth: u128,
}

/// Messages that wait, and those executed in blocks that L1 could still take back.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Messages before this index were looked at.
    looked_at: u64,
    waiting: BTreeMap<u64, Entry>,
    /// L1 gas that messages took without being executed. Kept when they are given up, or every new tip would have more of it: each
    /// entry has cost L1 gas, so there are never many.
    gas_spent: BTreeMap<u64, u64>,
    /// By the number of the L1 block in which they were executed.
    executed: BTreeMap<u64, BTreeSet<u64>>,
    /// Setbacks of the chain up to which they are.
    setbacks: u64,
    /// Where to go on looking at what waits for a lower gas price.
    review: u64,
}

impl Backlog {
    fn entry(&mut self, index: u64, retry_delay: Duration, now: Instant) -> &mut Entry {
        self.waiting.entry(index).or_insert_with(|| Entry {
            backoff: Backoff::new(retry_delay),
            not_before: now,
            failures: 0,
            alone: false,
            unpaid: false,
            tips: BTreeSet::new(),
            tips_apart: BTreeSet::new(),
            worth: 0,
        })
    }

    /// A message waits, from now on if it did not before, and is executed whether its tips pay for that or not.
    fn wait(&mut self, index: u64, retry_delay: Duration, now: Instant) {
        self.entry(index, retry_delay, now).unpaid = true;
    }

    /// A message was tipped for.
    fn tip(&mut self, index: u64, tip: &Message, retry_delay: Duration, now: Instant) {
        let entry = self.entry(index, retry_delay, now);
        let (tips, kept) = match can_join(tip, index) {
            true => (&mut entry.tips, TIPS_KEPT),
            false => (&mut entry.tips_apart, TIPS_APART_KEPT),
        };
        tips.insert((value(tip), tip.index));
        if tips.len() > kept {
            tips.pop_first();
        }
    }

    /// A message is executed, in this L1 block. Its tips may still be paid.
    fn executed(&mut self, index: u64, l1_block: u64) {
        self.executed.entry(l1_block).or_default().insert(index);
        if let Some(entry) = self.waiting.get_mut(&index) {
            entry.unpaid = false;
            if !entry.has_tips() {
                self.waiting.remove(&index);
            }
        }
    }

    /// A message is not to be tried for a while: it was executed by us, and once L1 is followed so far, the chain shows it (if L1
    /// takes that back before, it is due again); or L1 became too dear; or nothing of it was to be executed.
    pub(super) fn pause(&mut self, index: u64, retry_delay: Duration, now: Instant) {
        if let Some(entry) = self.waiting.get_mut(&index) {
            entry.not_before = now + retry_delay;
        }
    }

    /// What keeps a message from being tried is not its own: it waits, longer each time, and is not given up for it.
    pub(super) fn defer(&mut self, index: u64, now: Instant) {
        if let Some(entry) = self.waiting.get_mut(&index) {
            entry.not_before = now + entry.backoff.next();
        }
    }

    /// A message shares no transaction from now on.
    pub(super) fn set_apart(&mut self, index: u64) {
        if let Some(entry) = self.waiting.get_mut(&index) {
            entry.alone = true;
        }
    }

    /// A message was tried in vain. It is tried again later, or given up, with its tips: who executes it has them. A new tip brings it
    /// back, unless it took its gas.
    pub(super) fn postpone(
        &mut self,
        index: u64,
        gas_spent: u64,
        config: &RelayerConfig,
        now: Instant,
        reason: &str,
    ) -> Option<GivenUp> {
        if gas_spent > 0 {
            *self.gas_spent.entry(index).or_default() += gas_spent;
        }
        let exhausted = self.is_exhausted(index, config);
        let entry = self.waiting.get_mut(&index)?;
        let pause = entry.backoff.next();
        entry.not_before = now + pause;
        entry.failures += 1;
        let failures = entry.failures;
        let given_up = if exhausted {
            Some(GivenUp::Gas)
        } else if failures >= config.max_attempts {
            Some(GivenUp::Attempts)
        } else {
            None
        };
        if given_up.is_some() {
            self.waiting.remove(&index);
            info!(index, reason, failures, exhausted, "message given up: its sender may still execute it");
        } else {
            debug!(index, reason, ?pause, gas_spent, "message postponed");
        }
        given_up
    }

    /// Whether a message took all the gas that it may take without being executed.
    fn is_exhausted(&self, index: u64, config: &RelayerConfig) -> bool {
        self.gas_spent.get(&index).is_some_and(|spent| *spent >= config.gas_budget)
    }

    /// Messages that wait: those that are tried at this gas price, in wei, and those whose tips do not pay it.
    pub(super) fn lengths(&self, price: u128) -> (usize, usize) {
        let tried = self.waiting.values().filter(|entry| entry.is_tried_at(price)).count();
        (tried, self.waiting.len() - tried)
    }

    /// The messages before `end` that are due longest at this gas price, in wei, in order of their index.
    fn due(&self, end: u64, price: u128, now: Instant) -> Vec<u64> {
        let waiting = self.waiting.range(..end);
        let waiting = waiting.filter(|(_, entry)| entry.not_before <= now && entry.is_tried_at(price));
        let mut due: Vec<_> = waiting.map(|(&index, entry)| (entry.not_before, index)).collect();
        if due.len() > ROUND_MESSAGES {
            due.select_nth_unstable(ROUND_MESSAGES);
            due.truncate(ROUND_MESSAGES);
        }
        let mut due: Vec<u64> = due.into_iter().map(|(_, index)| index).collect();
        due.sort_unstable();
        due
    }

    /// What is due at this gas price, in wei, in order of the messages.
    pub(super) fn bundles(&mut self, rules: Rules<'_>, price: u128, now: Instant) -> Result<Vec<Bundle>, ChainError> {
        self.update(rules, now)?;
        let mut bundles = Vec::new();
        for index in self.due(rules.outbox_count, price, now) {
            let bundle = self.offered(index, rules)?.and_then(|offered| offered.at_price(rules.config, price));
            match (bundle, self.waiting.get(&index)) {
                (Some(bundle), Some(entry)) if entry.alone => bundles.push(bundle.apart()),
                (Some(bundle), _) => bundles.push(bundle),
                // It is not to be due longest again, in the place of others.
                (None, _) => self.pause(index, rules.config.retry_delay, now),
            }
        }
        Ok(bundles)
    }

    /// Looks at what the chain has brought: messages, and executions that L1 took back; and again at some of what waits for a
    /// lower gas price.
    fn update(&mut self, rules: Rules<'_>, now: Instant) -> Result<(), ChainError> {
        // Before what is read of the chain.
        let (setbacks, l1) = (rules.chain.setbacks(), rules.chain.heads().l1.number);
        if setbacks != self.setbacks {
            let doubtful = std::mem::take(&mut self.executed).into_values().flatten().collect();
            self.look_at(doubtful, rules, now)?;
            self.setbacks = setbacks;
        }
        while self.looked_at < rules.outbox_count {
            let end = rules.outbox_count.min(self.looked_at + SCAN);
            self.look_at((self.looked_at..end).collect(), rules, now)?;
            self.looked_at = end;
            self.settle(l1);
        }
        self.settle(l1);
        self.review(rules)
    }

    /// Lets go of executions that L1, as followed up to block `l1`, cannot take back any more.
    fn settle(&mut self, l1: u64) {
        self.executed = self.executed.split_off(&l1.saturating_sub(L1_HEADERS_KEPT));
    }

    /// Finds out which of these messages are executed, which wait for us, and which are tips.
    fn look_at(&mut self, indices: Vec<u64>, rules: Rules<'_>, now: Instant) -> Result<(), ChainError> {
        let (config, mut tipped) = (rules.config, BTreeSet::new());
        for index in self.set_executed_aside(indices, rules.chain)? {
            let Some(message) = rules.message(index)? else { continue };
            match tipped_by(&message, rules.relay_tip) {
                // What is not sent by the time that the tip is final: nobody means that.
                Some(named) if rules.chain.outbox_message(named)?.is_some() && !self.is_exhausted(named, config) => {
                    self.tip(named, &message, config.retry_delay, now);
                    tipped.insert(named);
                }
                Some(_) => {}
                None if config.profitable_only || self.is_exhausted(index, config) => {}
                None => self.wait(index, config.retry_delay, now),
            }
        }
        for index in tipped {
            self.offered(index, rules)?;
        }
        self.crowd_out();
        Ok(())
    }

    /// Those of the messages that are not executed on L1, as far as it was followed.
    fn set_executed_aside(&mut self, mut indices: Vec<u64>, chain: &Chain) -> Result<Vec<u64>, ChainError> {
        let executed = chain.finalized_messages(&indices)?;
        indices.retain(|index| !executed.contains_key(index));
        executed.into_iter().for_each(|(index, l1_block)| self.executed(index, l1_block));
        Ok(indices)
    }

    /// A message and the tips for it, as they are on L1 now; what they are worth is noted. None if nothing of it can be executed.
    fn offered(&mut self, index: u64, rules: Rules<'_>) -> Result<Option<Offered>, ChainError> {
        let Some(entry) = self.waiting.get(&index) else { return Ok(None) };
        let tips: Vec<u64> = entry.tips.iter().chain(&entry.tips_apart).map(|(_, tip)| *tip).collect();
        let asked = tips.iter().copied().chain([index]).collect::<BTreeSet<_>>().into_iter().collect();
        let open = self.set_executed_aside(asked, rules.chain)?;
        let is_open = |index: u64| open.binary_search(&index).is_ok();
        let Some(entry) = self.waiting.get_mut(&index) else { return Ok(None) };
        entry.tips.retain(|(_, tip)| is_open(*tip));
        entry.tips_apart.retain(|(_, tip)| is_open(*tip));
        if !entry.has_tips() && !entry.unpaid {
            self.waiting.remove(&index);
            return Ok(None);
        }
        entry.worth = 0;
        let message = if !is_open(index) {
            None
        } else if index < rules.outbox_count
            && let Some(message) = rules.message(index)?
        {
            Some(message)
        } else {
            return Ok(None);
        };
        let mut offered = Offered { index, message, tips: Vec::new(), unpaid: entry.unpaid, depth: rules.depth() };
        for tip in tips.into_iter().filter(|tip| is_open(*tip)) {
            offered.tips.extend(rules.message(tip)?);
        }
        entry.worth = offered.worth(rules.config);
        Ok(Some(offered))
    }

    /// Looks again at some of what waits for a lower gas price, or for its message to be executed by somebody.
    fn review(&mut self, rules: Rules<'_>) -> Result<(), ChainError> {
        let priced = |range: RangeFrom<u64>| {
            self.waiting.range(range).filter(|(_, entry)| !entry.unpaid).map(|(&index, _)| index)
        };
        let next: Vec<u64> = priced(self.review..).take(ROUND_MESSAGES).collect();
        self.review = match next.last() {
            Some(last) if next.len() == ROUND_MESSAGES => last + 1,
            _ => 0,
        };
        for index in next {
            self.offered(index, rules)?;
        }
        Ok(())
    }

    /// Lets go of the tipped messages that pay least, if there are too many.
    fn crowd_out(&mut self) {
        if self.waiting.len() <= TIPPED_KEPT {
            return;
        }
        let priced = self.waiting.iter().filter(|(_, entry)| !entry.unpaid);
        let mut priced: Vec<_> = priced.map(|(&index, entry)| (entry.worth, index)).collect();
        if priced.len() > TIPPED_KEPT {
            let excess = priced.len() - TIPPED_KEPT;
            priced.select_nth_unstable(excess);
            priced[..excess].iter().for_each(|(_, index)| drop(self.waiting.remove(index)));
        }
    }
}

impl Entry {
    fn has_tips(&self) -> bool {
        !self.tips.is_empty() || !self.tips_apart.is_empty()
    }

    const fn is_tried_at(&self, price: u128) -> bool {
        self.unpaid || self.worth >= price
    }
}

#[cfg(test)]
mod tests {
    use alloy::{
        primitives::{Bytes, U256},
        sol_types::SolCall,
    };
    use postern_bindings::{Outbox, RelayTip::payTipCall};
    use postern_protocol::predeploys::OUTBOX;

    use super::*;
    use crate::{chain::L1Event, fixture::Fixture};

    const RETRY_DELAY: Duration = Duration::from_secs(60);
    const RELAY_TIP: Address = Address::repeat_byte(0x71);
    const GWEI: u128 = 1_000_000_000;

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    /// What is due whatever gas costs.
    fn due(backlog: &Backlog, end: u64, now: Instant) -> Vec<u64> {
        backlog.due(end, u128::MAX, now)
    }

    #[test]
    fn what_fails_waits_longer_each_time_and_is_given_up_in_the_end() {
        let start = Instant::now();
        let config = RelayerConfig { retry_delay: RETRY_DELAY, max_attempts: 3, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.wait(0, RETRY_DELAY, start);
        backlog.wait(1, RETRY_DELAY, start);
        assert_eq!(due(&backlog, 2, start), [0, 1]);
        assert_eq!(due(&backlog, 1, start), [0]);

        assert_eq!(backlog.postpone(0, 0, &config, start, "it fails"), None);
        assert_eq!(due(&backlog, 2, seconds(start, 59)), [1]);
        assert_eq!(due(&backlog, 2, seconds(start, 60)), [0, 1]);
        // Looking it up again does not make it new.
        backlog.wait(0, RETRY_DELAY, seconds(start, 60));
        backlog.postpone(0, 0, &config, seconds(start, 60), "it fails");
        assert_eq!(due(&backlog, 2, seconds(start, 179)), [1]);
        assert_eq!(due(&backlog, 2, seconds(start, 180)), [0, 1]);
        assert_eq!(backlog.postpone(0, 0, &config, seconds(start, 180), "it fails"), Some(GivenUp::Attempts));
        assert_eq!(due(&backlog, 2, seconds(start, 1_000_000)), [1]);
        assert!(!backlog.waiting.contains_key(&0), "nothing is kept of it");
    }

    #[test]
    fn what_is_deferred_waits_longer_each_time_and_is_not_given_up_for_it() {
        let start = Instant::now();
        let config = RelayerConfig { max_attempts: 2, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.wait(0, RETRY_DELAY, start);
        backlog.defer(0, start);
        assert!(due(&backlog, 1, seconds(start, 59)).is_empty());
        assert_eq!(due(&backlog, 1, seconds(start, 60)), [0]);
        backlog.defer(0, seconds(start, 60));
        assert!(due(&backlog, 1, seconds(start, 179)).is_empty());
        assert_eq!(due(&backlog, 1, seconds(start, 180)), [0]);
        assert_eq!(backlog.postpone(0, 0, &config, seconds(start, 180), "it fails"), None);
        assert_eq!(backlog.postpone(0, 0, &config, seconds(start, 180), "it fails"), Some(GivenUp::Attempts));
    }

    #[test]
    fn what_burns_its_gas_is_given_up() {
        let start = Instant::now();
        let config = RelayerConfig { gas_budget: 1_000, ..RelayerConfig::default() };
        let mut backlog = Backlog::default();
        backlog.wait(7, RETRY_DELAY, start);
        assert_eq!(backlog.postpone(7, 999, &config, start, "it reverted"), None);
        assert!(backlog.waiting.contains_key(&7));
        assert_eq!(backlog.postpone(7, 1, &config, start, "it reverted"), Some(GivenUp::Gas));
        assert!(!backlog.waiting.contains_key(&7));
    }

    /// Each tip would buy another budget, and come back to who gave it: it is paid only if the message is executed.
    #[test]
    fn what_burned_its_gas_is_not_brought_back_by_another_tip() {
        let fixture = fixture([Plain(0), Tip(0, RICH), Tip(0, RICH)]);
        let config = RelayerConfig { gas_budget: 1_000, max_attempts: 2, ..PAID };
        let mut backlog = Backlog::default();
        assert_eq!(bundles(&mut backlog, &fixture, &config, 2, GWEI), [[0, 1]]);
        // Given up for its failures it keeps what it burned.
        assert_eq!(backlog.postpone(0, 600, &config, Instant::now(), "it reverted"), None);
        assert_eq!(backlog.postpone(0, 0, &config, Instant::now(), "it fails"), Some(GivenUp::Attempts));
        backlog.looked_at = 1;
        assert_eq!(bundles(&mut backlog, &fixture, &config, 2, GWEI), [[0, 1]]);
        assert_eq!(backlog.postpone(0, 400, &config, Instant::now(), "it reverted"), Some(GivenUp::Gas));
        assert!(bundles(&mut backlog, &fixture, &config, 3, GWEI).is_empty());
        // Who relays for free leaves it, too.
        backlog.looked_at = 0;
        let free = RelayerConfig { profitable_only: false, ..config };
        assert!(bundles(&mut backlog, &fixture, &free, 3, GWEI).is_empty());
    }

    #[test]
    fn a_flood_does_not_hold_up_who_waits_longer() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        let honest = 1_000_000;
        backlog.wait(honest, RETRY_DELAY, start);
        (0..1_000).for_each(|index| backlog.wait(index, RETRY_DELAY, seconds(start, 1)));
        let due = due(&backlog, u64::MAX, seconds(start, 1));
        assert_eq!(due.len(), ROUND_MESSAGES);
        assert!(due.is_sorted());
        assert_eq!(due.last(), Some(&honest));
    }

    /// What is unprofitable takes no place in a round, however much of it there is and however long it waits.
    #[test]
    fn a_flood_of_poor_tips_does_not_hold_up_a_rich_one() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        (0..1_000).for_each(|index| backlog.entry(index, RETRY_DELAY, start).worth = 9);
        backlog.entry(1_000, RETRY_DELAY, seconds(start, 1)).worth = 10;
        assert_eq!(backlog.due(u64::MAX, 10, seconds(start, 1)), [1_000]);
        assert_eq!(backlog.lengths(10), (1, 1_000));
        // Gas became cheaper.
        assert_eq!(backlog.due(u64::MAX, 9, seconds(start, 1)).len(), ROUND_MESSAGES);
    }

    #[test]
    fn who_tips_least_is_crowded_out() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        for index in 0..TIPPED_KEPT as u64 + 3 {
            backlog.entry(index, RETRY_DELAY, now).worth = u128::from(index);
        }
        backlog.wait(1, RETRY_DELAY, now);
        backlog.crowd_out();
        assert_eq!(backlog.waiting.len(), TIPPED_KEPT + 1);
        assert!(!backlog.waiting.contains_key(&0) && !backlog.waiting.contains_key(&2));
        assert!(backlog.waiting.contains_key(&1), "it is executed whatever it pays");

        let mut message = tip(0);
        for index in 0..2 * TIPS_KEPT as u64 {
            (message.index, message.value) = (index, U256::from(index));
            backlog.tip(5, &message, RETRY_DELAY, now);
        }
        let kept = &backlog.waiting[&5].tips;
        assert_eq!((kept.len(), kept.first()), (TIPS_KEPT, Some(&(TIPS_KEPT as u128, TIPS_KEPT as u64))));
    }

    #[test]
    fn tips_that_can_never_join_do_not_evict_one_that_can() {
        let now = Instant::now();
        let message = 1_000;
        let tip_of = |index, gas_limit, value| Message { index, gas_limit, value: U256::from(value), ..tip(message) };
        let honest = tip_of(message + 1, 100_000, 7);
        for (first, gas_limit) in [(message + 2, 1), (message + 2, 300_000), (0, 100_000)] {
            let mut backlog = Backlog::default();
            backlog.tip(message, &honest, RETRY_DELAY, now);
            (first..).take(TIPS_KEPT).for_each(|index| {
                backlog.tip(message, &tip_of(index, gas_limit, 8 + index), RETRY_DELAY, now);
            });
            let entry = &backlog.waiting[&message];
            assert_eq!(entry.tips, BTreeSet::from([(7, honest.index)]));
            let highest = first + (TIPS_KEPT - TIPS_APART_KEPT) as u64;
            assert_eq!(entry.tips_apart.len(), TIPS_APART_KEPT);
            assert_eq!(entry.tips_apart.first(), Some(&(u128::from(8 + highest), highest)));
        }
    }

    /// A tip for the message of this index.
    fn tip(index: u64) -> Message {
        Message {
            index: 0,
            sender: Address::ZERO,
            target: RELAY_TIP,
            value: U256::ZERO,
            gas_limit: 50_000,
            data: payTipCall { index }.abi_encode().into(),
        }
    }

    /// What a user sends: a message that asks for so much gas, or a tip of so many wei for a message.
    enum Sent {
        Message(u64),
        Tip(u64, u128),
    }
    use Sent::{Message as Plain, Tip};

    /// A chain with these messages in its outbox.
    fn fixture(messages: impl IntoIterator<Item = Sent>) -> Fixture {
        let mut fixture = Fixture::new();
        let mut count = 0;
        for message in messages {
            let (value, send) = match message {
                Plain(gas_limit) => (
                    U256::ONE,
                    Outbox::sendCall { target: Address::with_last_byte(1), gasLimit: gas_limit, data: Bytes::new() },
                ),
                Tip(index, wei) => {
                    let Message { target, gas_limit, data, .. } = tip(index);
                    (U256::from(wei), Outbox::sendCall { target, gasLimit: gas_limit, data })
                }
            };
            fixture.submit(OUTBOX, value, send.abi_encode().into());
            count += 1;
        }
        fixture.build();
        fixture.post();
        assert_eq!(fixture.chain.outbox_count(1).unwrap(), Some(count));
        fixture
    }

    fn plain(messages: u64) -> Fixture {
        fixture((0..messages).map(Plain))
    }

    const FREE: RelayerConfig = RelayerConfig {
        max_spend_per_day: 0,
        profitable_only: false,
        margin_percent: 0,
        max_batch: 32,
        max_transaction_gas: 16_777_216,
        max_message_gas: 1_000_000,
        gas_budget: 2_000_000,
        retry_delay: RETRY_DELAY,
        max_attempts: 32,
        poll_interval: RETRY_DELAY,
        resubmit_after: RETRY_DELAY,
    };
    const PAID: RelayerConfig = RelayerConfig { profitable_only: true, ..FREE };

    fn rules<'a>(fixture: &'a Fixture, config: &'a RelayerConfig, outbox_count: u64) -> Rules<'a> {
        Rules { chain: &fixture.chain, config, relay_tip: Some(RELAY_TIP), outbox_count }
    }

    /// The messages that go together at this gas price, of so many.
    fn bundles(
        backlog: &mut Backlog,
        fixture: &Fixture,
        config: &RelayerConfig,
        outbox_count: u64,
        price: u128,
    ) -> Vec<Vec<u64>> {
        let bundles = backlog.bundles(rules(fixture, config, outbox_count), price, Instant::now()).unwrap();
        let indices = |bundle: Bundle| bundle.messages.iter().map(|message| message.index).collect();
        bundles.into_iter().map(indices).collect()
    }

    /// The messages that are due, of so many.
    fn look(backlog: &mut Backlog, fixture: &Fixture, messages: u64) -> Vec<u64> {
        bundles(backlog, fixture, &FREE, messages, GWEI).concat()
    }

    #[test]
    fn what_is_executed_waits_again_if_l1_takes_it_back() {
        let mut fixture = plain(4);
        fixture.l1_block(vec![L1Event::MessageFinalized(1)]);
        let mut backlog = Backlog::default();
        assert_eq!(look(&mut backlog, &fixture, 3), [0, 2]);

        let before = fixture.chain.heads().l1.number;
        fixture.l1_block(vec![L1Event::MessageFinalized(0), L1Event::MessageFinalized(3)]);
        assert_eq!(look(&mut backlog, &fixture, 4), [2]);
        // A relayer that has just started sees the same.
        assert_eq!(look(&mut Backlog::default(), &fixture, 4), [2]);

        fixture.chain.rollback_l1(before).unwrap();
        assert_eq!(look(&mut backlog, &fixture, 4), [0, 2, 3]);
        fixture.chain.rollback_l1(before - 1).unwrap();
        assert_eq!(look(&mut backlog, &fixture, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn what_asks_for_too_much_gas_is_left_to_its_sender() {
        let fixture = plain(3);
        let config = RelayerConfig { max_message_gas: 1, ..FREE };
        assert_eq!(bundles(&mut Backlog::default(), &fixture, &config, 3, GWEI).concat(), [0, 1]);
    }

    #[test]
    fn what_we_executed_is_due_again_until_l1_is_followed_so_far() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        backlog.wait(5, RETRY_DELAY, start);
        backlog.pause(5, RETRY_DELAY, start);
        assert!(due(&backlog, u64::MAX, seconds(start, 59)).is_empty());
        assert_eq!(due(&backlog, u64::MAX, seconds(start, 60)), [5]);
    }

    #[test]
    fn what_l1_cannot_take_back_is_forgotten() {
        let mut backlog = Backlog::default();
        backlog.executed(3, 100);
        backlog.settle(100 + L1_HEADERS_KEPT);
        assert!(!backlog.executed.is_empty());
        backlog.settle(101 + L1_HEADERS_KEPT);
        assert!(backlog.executed.is_empty());
    }

    const RICH: u128 = 1_000_000 * GWEI;
    const POOR: u128 = 1_000 * GWEI;

    #[test]
    fn a_tip_goes_with_its_message_and_pays_for_it() {
        let fixture = fixture([Plain(0), Plain(0), Tip(1, RICH), Plain(0), Tip(3, POOR)]);
        let mut backlog = Backlog::default();
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 5, GWEI), [[1, 2]]);
        // What the tip is worth, for a gas: RICH for some 150,000.
        assert_eq!(backlog.lengths(GWEI), (1, 1));
        assert!(bundles(&mut backlog, &fixture, &PAID, 5, 10 * GWEI).is_empty());
        // Whoever relays for free takes what tips there are, but not those that cost more than they bring.
        assert_eq!(bundles(&mut Backlog::default(), &fixture, &FREE, 5, GWEI), [vec![0], vec![1, 2], vec![3]]);
        // When gas is cheap enough a poor tip pays as well.
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 5, GWEI / 1_000), [[1, 2], [3, 4]]);
    }

    /// What is due and gives nothing to execute would be due longest for ever, however the two came to differ.
    #[test]
    fn what_gives_nothing_to_execute_does_not_keep_its_place() {
        let fixture = fixture([Plain(0), Tip(0, POOR)]);
        let mut backlog = Backlog::default();
        assert!(bundles(&mut backlog, &fixture, &PAID, 2, GWEI).is_empty());
        // Not before the next round is it looked at again.
        backlog.review = 1;
        backlog.waiting.get_mut(&0).unwrap().worth = GWEI;
        let before = Instant::now();
        assert_eq!(backlog.due(2, GWEI, before), [0]);
        assert!(bundles(&mut backlog, &fixture, &PAID, 2, GWEI).is_empty());
        assert!(backlog.waiting[&0].not_before >= before + RETRY_DELAY);
    }

    #[test]
    fn several_tips_pay_together_and_those_not_worth_their_gas_are_left() {
        // More than half of what the message takes; too little for the gas of its own; and the rest.
        let half = 100_000 * GWEI;
        let fixture = fixture([Plain(0), Tip(0, half), Tip(0, POOR), Tip(0, half)]);
        assert_eq!(bundles(&mut Backlog::default(), &fixture, &PAID, 4, GWEI), [[0, 1, 3]]);
        // One is not enough.
        assert!(bundles(&mut Backlog::default(), &fixture, &PAID, 3, GWEI).is_empty());
    }

    #[test]
    fn a_tip_is_paid_alone_when_somebody_else_executed_its_message() {
        let mut fixture = fixture([Plain(0), Tip(0, RICH), Plain(0), Tip(2, POOR)]);
        let mut backlog = Backlog::default();
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI), [[0, 1]]);
        let before = fixture.chain.heads().l1.number;
        fixture.l1_block(vec![L1Event::MessageFinalized(0), L1Event::MessageFinalized(2)]);
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI), [[1]]);
        assert_eq!(bundles(&mut backlog, &fixture, &FREE, 4, GWEI), [[1]]);
        // The poor one pays at a lower price than before: a claim less to pay for.
        fixture.l1_block(vec![L1Event::MessageFinalized(1)]);
        assert!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI).is_empty());
        assert_eq!(backlog.waiting.keys().collect::<Vec<_>>(), [&2]);
        // L1 takes all that back.
        fixture.chain.rollback_l1(before).unwrap();
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI), [[0, 1]]);
    }

    #[test]
    fn a_tip_waits_for_a_message_that_is_not_final_and_for_a_later_one() {
        let mut fixture = fixture([Tip(2, RICH), Tip(9, RICH), Plain(0), Tip(2, RICH)]);
        let mut backlog = Backlog::default();
        assert!(bundles(&mut backlog, &fixture, &PAID, 2, GWEI).is_empty(), "message 2 is not final");
        assert!(!backlog.waiting.contains_key(&9), "there is no message 9");
        // In order of the indices the earlier tip would be tried before its message.
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI), [[2, 3]]);
        fixture.l1_block(vec![L1Event::MessageFinalized(2), L1Event::MessageFinalized(3)]);
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 4, GWEI), [[0]]);
    }

    #[test]
    fn a_tip_for_itself_is_a_message_that_pays() {
        let fixture = fixture([Tip(0, RICH), Tip(1, POOR)]);
        assert_eq!(bundles(&mut Backlog::default(), &fixture, &PAID, 2, GWEI), [[0]]);
    }

    #[test]
    fn a_tip_for_a_tip_pays_for_it() {
        let fixture = fixture([Plain(0), Tip(0, POOR), Tip(1, RICH)]);
        let mut backlog = Backlog::default();
        // It will be simulated, and fail, as long as nobody executes the message.
        assert_eq!(bundles(&mut backlog, &fixture, &PAID, 3, GWEI), [[1, 2]]);
    }

    #[test]
    fn what_only_looks_like_a_tip_is_a_message() {
        let (one, other) = (tip(7), Message { target: Address::ZERO, ..tip(7) });
        assert_eq!(tipped_by(&one, Some(RELAY_TIP)), Some(7));
        assert_eq!(tipped_by(&one, None), None);
        assert_eq!(tipped_by(&other, Some(RELAY_TIP)), None);
        for data in ["", "0x00", "0x12345678"] {
            let message = Message { data: data.parse().unwrap(), ..tip(7) };
            assert_eq!(tipped_by(&message, Some(RELAY_TIP)), None, "{data}");
        }
        // An index of more than 64 bits: the contract refuses it.
        let mut data = one.data.to_vec();
        data[4] = 1;
        assert_eq!(tipped_by(&Message { data: data.into(), ..one }, Some(RELAY_TIP)), None);
    }
}
