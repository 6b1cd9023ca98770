use alloy::{
    primitives::{Address, U256},
    providers::DynProvider,
};
use eyre::{Result, ensure};
use postern_client::{Outcome, TokenWithdrawal};

use crate::{
    actor::Actor,
    devnet::Devnet,
    targets::{
        Collection::{self, CollectionInstance},
        Token::{self, TokenInstance},
    },
    wait::{Mined, PATIENCE},
};

/// Where what is of an L1 token is, by its own words and by the gateways' events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLedger {
    /// Held by the gateway on L1.
    pub locked: U256,
    /// Of its twin on L2.
    pub minted: U256,
    /// Sent by either gateway and not arrived at the other.
    pub in_flight: U256,
}

impl Devnet {
    /// A new ERC-20 on the chain behind `chain`, well-behaved and with permit; `amount` of it are the deploying account's.
    ///
    /// # Errors
    /// If that fails.
    pub async fn token<'a>(
        &self,
        chain: &'a DynProvider,
        owner: Actor,
        amount: U256,
    ) -> Result<TokenInstance<&'a DynProvider>> {
        let address = self.deploy(chain, "PlainToken", ("Gold".to_owned(), "GLD".to_owned(), U256::from(8))).await?;
        let token = Token::new(address, chain);
        token.mint(self.address(owner), amount).send().await?.mined().await?;
        Ok(token)
    }

    /// A new ERC-721 on the chain behind `chain`; this one is the owner's.
    ///
    /// # Errors
    /// If that fails.
    pub async fn collection<'a>(
        &self,
        chain: &'a DynProvider,
        owner: Actor,
        token_id: U256,
    ) -> Result<CollectionInstance<&'a DynProvider>> {
        let collection = Collection::new(self.deploy(chain, "PlainNFT", ()).await?, chain);
        collection.mint(self.address(owner), token_id).send().await?.mined().await?;
        Ok(collection)
    }

    /// Executes all messages of a withdrawal with one proof, by a stranger, once they are final. Returns what became of each.
    ///
    /// # Errors
    /// If nobody proposes.
    pub async fn release(&self, withdrawal: &TokenWithdrawal) -> Result<Vec<Outcome>> {
        let (stranger, messages) = (self.client(Actor::Stranger), withdrawal.messages());
        if let Some(last) = messages.last() {
            self.executable(last).await?;
        }
        let batch = stranger.wait_to_execute_many(&messages, PATIENCE).await?;
        Ok(stranger.execute_many(&batch).await?.state)
    }

    /// Adds up where an L1 token is.
    ///
    /// # Errors
    /// If its twin is not on L2 yet, or a node cannot be reached.
    pub async fn token_ledger(&self, token: Address) -> Result<TokenLedger> {
        let stranger = self.client(Actor::Stranger);
        let gateways = stranger.erc20()?;
        let (l1, l2) = (gateways.on_l1(), gateways.on_l2());
        let twin = gateways.twin_on_l2(token);
        let [mut sent, mut arrived] = [U256::ZERO; 2];
        for (event, _) in l1.TokensSent_filter().topic1(token).from_block(0).query().await? {
            sent += event.amountOrId;
        }
        for (event, _) in l2.TokensSent_filter().topic1(twin).from_block(0).query().await? {
            sent += event.amountOrId;
        }
        for (event, _) in l1.TokensReceived_filter().topic1(token).from_block(0).query().await? {
            arrived += event.amountOrId;
        }
        for (event, _) in l2.TokensReceived_filter().topic1(twin).from_block(0).query().await? {
            arrived += event.amountOrId;
        }
        let locked = Token::new(token, stranger.l1()).balanceOf(*l1.address()).call().await?;
        let minted = Token::new(twin, stranger.l2()).totalSupply().call().await?;
        Ok(TokenLedger { locked, minted, in_flight: sent - arrived })
    }

    /// Checks that as much of an L1 token is locked as is on L2 or on its way.
    ///
    /// # Errors
    /// If it is not, if its twin is not on L2 yet, or a node cannot be reached.
    pub async fn check_token(&self, token: Address) -> Result<()> {
        let TokenLedger { locked, minted, in_flight } = self.token_ledger(token).await?;
        ensure!(locked == minted + in_flight, "{locked} are locked, {minted} minted, {in_flight} in flight");
        Ok(())
    }
}
