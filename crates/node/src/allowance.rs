//! A spending limit per day.

use std::time::{Duration, Instant};

/// Over what time the spending limit is counted.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What may be spent: a debt that is forgiven evenly, so much a day.
#[derive(Debug)]
pub(crate) struct Allowance {
    per_day: u128,
    /// In wei.
    spent: u128,
    /// When `spent` was that.
    at: Instant,
}

impl Allowance {
    /// So much, in wei, comes back in 24 hours.
    pub(crate) const fn new(per_day: u128, now: Instant) -> Self {
        Self { per_day, spent: 0, at: now }
    }

    /// Whether there is something left to spend.
    pub(crate) fn remains(&mut self, now: Instant) -> bool {
        self.remains_of(self.per_day, now)
    }

    /// Whether there is something left to spend of a part of it, `limit` wei, if all that was spent counts against that.
    pub(crate) fn remains_of(&mut self, limit: u128, now: Instant) -> bool {
        self.recover(now);
        self.spent < limit
    }

    /// What is left to spend, in wei.
    pub(crate) fn left(&mut self, now: Instant) -> u128 {
        self.recover(now);
        self.per_day.saturating_sub(self.spent)
    }

    /// Counts what was spent, in wei.
    pub(crate) fn spend(&mut self, cost: u128, now: Instant) {
        self.recover(now);
        self.spent = self.spent.saturating_add(cost);
    }

    fn recover(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_millis();
        let recovered = self.per_day.saturating_mul(elapsed) / DAY.as_millis();
        // Time that brings less than a wei counts with what comes after it.
        if recovered > 0 {
            self.spent = self.spent.saturating_sub(recovered);
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_allowance_is_a_day_s_worth_and_comes_back_evenly() {
        let start = Instant::now();
        let mut allowance = Allowance::new(86_400, start);
        assert!(allowance.remains(start));
        allowance.spend(86_399, start);
        assert!(allowance.remains(start));
        // The last one may exceed it, and delays what comes after.
        allowance.spend(1_001, start);
        assert!(!allowance.remains(start));
        assert!(!allowance.remains(seconds(start, 1_000)));
        assert!(allowance.remains(seconds(start, 1_001)));

        // A part of it is used up earlier, and comes back later.
        assert!(!allowance.remains_of(43_200, seconds(start, 1_001)));
        assert!(allowance.remains_of(43_200, seconds(start, 44_201)));

        // What is not spent does not pile up.
        let later = seconds(start, 10 * 86_400);
        assert!(allowance.remains(later));
        allowance.spend(86_400, later);
        assert!(!allowance.remains(later));
    }

    #[test]
    fn an_allowance_comes_back_however_often_it_is_asked_for() {
        let start = Instant::now();
        // A wei in a thousand seconds.
        let mut allowance = Allowance::new(86, start);
        allowance.spend(86, start);
        let asked = (1..=1_100).map(|second| allowance.remains(seconds(start, second))).collect::<Vec<_>>();
        assert!(!asked[1_000] && asked[1_099]);

        let mut nothing = Allowance::new(0, start);
        assert!(!nothing.remains(seconds(start, 1_000_000)));
        let mut unbounded = Allowance::new(u128::MAX, start);
        unbounded.spend(u128::MAX, start);
        unbounded.spend(u128::MAX, start);
        assert!(unbounded.remains(seconds(start, 1)));
    }
}
