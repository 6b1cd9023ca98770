use std::collections::BTreeSet;

use alloy::{
    primitives::{Address, U256},
    providers::Provider,
    rpc::types::Filter,
    sol_types::SolEvent,
};
use eyre::{Result, ensure};
use postern_bindings::Outbox;
use postern_protocol::predeploys;

use crate::{actor::Actor, devnet::Devnet};

/// Where the ETH is that came in through the bridge, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Held by the bridge.
    pub held: U256,
    /// Paid out by the bridge, with messages.
    pub paid: U256,
    /// On L2, what waits in the outbox or went out through it included.
    pub on_l2: U256,
}

impl Devnet {
    /// Adds up where the ETH is. All accounts with ETH on L2 must be actors or among `others`.
    ///
    /// # Errors
    /// If a node cannot be reached.
    pub async fn ledger(&self, others: &[Address]) -> Result<Ledger> {
        let l2 = self.l2();
        let mut accounts: BTreeSet<_> = Actor::ALL.map(|actor| self.address(actor)).into();
        accounts.extend(others);
        accounts.extend([predeploys::FEE_VAULT, predeploys::OUTBOX]);
        let mut on_l2 = U256::ZERO;
        for account in accounts {
            on_l2 += l2.get_balance(account).await?;
        }
        let held = self.l1().get_balance(*self.bridge().address()).await?;
        Ok(Ledger { held, paid: self.paid_out().await?, on_l2 })
    }

    /// Checks that no ETH was made or lost, in the bridge and in bonds. All deposits must be executed, and all accounts with ETH on
    /// L2 or with bonds must be actors or among `others`.
    ///
    /// # Errors
    /// If the sums differ, or a node cannot be reached.
    pub async fn check_conservation(&self, others: &[Address]) -> Result<()> {
        let Ledger { held, paid, on_l2 } = self.ledger(others).await?;
        ensure!(held + paid == on_l2, "the bridge holds {held} and paid {paid} wei, but {on_l2} are or were on L2");
        self.check_bonds(others).await
    }

    /// ETH that left the bridge with messages.
    async fn paid_out(&self) -> Result<U256> {
        let events = self.bridge().MessageFinalized_filter().from_block(0).query().await?;
        let finalized: BTreeSet<_> = events.iter().map(|(event, _)| event.index).collect();
        let filter = Filter::new()
            .address(predeploys::OUTBOX)
            .event_signature(Outbox::MessageSent::SIGNATURE_HASH)
            .from_block(0);
        let mut paid = U256::ZERO;
        for log in self.l2().get_logs(&filter).await? {
            let sent = log.log_decode_validate::<Outbox::MessageSent>()?.inner.data;
            if finalized.contains(&sent.index) {
                paid += sent.value;
            }
        }
        Ok(paid)
    }
}
