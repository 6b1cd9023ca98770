//! Who pays for withdrawals before they are final.

use alloy::{
    primitives::{Address, B256, U256},
    providers::Provider,
    sol_types::{SolCall, SolValue},
};
use eyre::{OptionExt, Result, ensure};
use postern_bindings::{
    FastExit::{self, Claim, Terms},
    L1TokenGateway,
};
use postern_client::withdrawals;
use postern_node::NodeHandle;

use crate::{Actor, Client, Devnet};

/// An account with a node of its own, which knows L1 alone: it trusts nothing else.
pub struct MarketMaker {
    /// Its account on L1, and on what its node knows of L2.
    pub client: Client,
    /// Its node.
    pub node: NodeHandle,
}

impl MarketMaker {
    /// Starts its node.
    ///
    /// # Errors
    /// If it does not start, or does not derive what is on L1.
    pub async fn start(devnet: &Devnet, actor: Actor) -> Result<Self> {
        let node = devnet.observer().await?;
        let client = devnet.client_of(actor, node.rpc_url().parse()?);
        Ok(Self { client, node })
    }

    /// The claim that a message of an L2 transaction is, by what its own node derived from L1, and the message's index.
    ///
    /// # Errors
    /// If L2 has no such message.
    pub async fn verify(&self, devnet: &Devnet, transaction: B256) -> Result<(Claim, u64)> {
        devnet.posted().await?;
        devnet.has_synced(&self.node).await?;
        let l2 = self.client.l2();
        let receipt = l2.get_transaction_receipt(transaction).await?.ok_or_eyre("it is not in L2's batches")?;
        let gateways = devnet.gateways();
        let (fast_exit, token_gateway) = (gateways.fast_exit.address, gateways.l1_token_gateway.address);
        let mut messages = withdrawals(&receipt).into_iter().map(|withdrawal| withdrawal.message);
        let message = messages.find(|message| [fast_exit, token_gateway].contains(&message.target));
        let message = message.ok_or_eyre("it sends nothing to the market")?;
        let claim = if message.target == fast_exit {
            let terms = FastExit::settleCall::abi_decode_validate(&message.data)?.terms;
            claim(message.sender, Address::ZERO, message.value, terms)
        } else {
            // Through the gateway, from its peer, of a token whose home is L1.
            ensure!(message.sender == gateways.l2_token_gateway.address, "not from the gateway");
            let call = L1TokenGateway::releaseCall::abi_decode_validate(&message.data)?;
            ensure!(call.to == fast_exit, "not for the market");
            claim(call.from, call.token, call.amountOrId, Terms::abi_decode_validate(&call.data)?)
        };
        Ok((claim, message.index))
    }
}

fn claim(sender: Address, token: Address, amount: U256, terms: Terms) -> Claim {
    let Terms { recipient, fee, deadline, salt } = terms;
    Claim { sender, token, amount, recipient, fee, deadline, salt }
}
