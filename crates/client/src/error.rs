use std::{fmt, time::Duration};

use alloy::{
    contract,
    primitives::{Address, B256, Bytes},
    providers::PendingTransactionError,
    sol_types::SolInterface,
    transports::TransportError,
};
use postern_bindings::{
    bridge::Bridge::BridgeErrors, bridged_nft::BridgedNFT::BridgedNFTErrors,
    bridged_token::BridgedToken::BridgedTokenErrors,
    canonical_transaction_chain::CanonicalTransactionChain::CanonicalTransactionChainErrors,
    fast_exit::FastExit::FastExitErrors, l1_erc7786_gateway::L1ERC7786Gateway::L1ERC7786GatewayErrors,
    l1_nft_gateway::L1NFTGateway::L1NFTGatewayErrors, l1_token_gateway::L1TokenGateway::L1TokenGatewayErrors,
    l2_nft_gateway::L2NFTGateway::L2NFTGatewayErrors, l2_token_gateway::L2TokenGateway::L2TokenGatewayErrors,
    outbox::Outbox::OutboxErrors, relay_tip::RelayTip::RelayTipErrors,
    state_commitment_chain::StateCommitmentChain::StateCommitmentChainErrors,
};
use postern_protocol::outbox::ProofError;
use thiserror::Error;

/// What went wrong on the way of a message.
#[derive(Debug, Error)]
pub enum Error {
    /// A contract refused, in its own words.
    #[error("refused by {0}")]
    Refused(Refusal),
    /// A call failed for another reason than a contract's own error.
    #[error("contract call failed: {0}")]
    Call(#[source] contract::Error),
    /// A node could not be reached, or answered with an error.
    #[error("RPC failed: {0}")]
    Transport(#[from] TransportError),
    /// A transaction was sent but not seen in a block in time.
    #[error("transaction not confirmed: {0}")]
    Unconfirmed(#[from] PendingTransactionError),
    /// A transaction was included and reverted.
    #[error("transaction {transaction} reverted")]
    Reverted {
        /// Its hash.
        transaction: B256,
    },
    /// A receipt has no event of the contract that was called: the address is not that of the deployment.
    #[error("transaction {transaction} made no event of {contract}")]
    NoEvent {
        /// Hash of the transaction.
        transaction: B256,
        /// The contract that should have emitted it.
        contract: Address,
    },
    /// The deployment's files name no gateways: its deployers made none, or their files are missing.
    #[error("the deployment has no gateways")]
    NoGateways,
    /// What was waited for did not come in time.
    #[error("no {what} within {after:?}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The L2 node's output is not the one that a standing commitment names: that commitment is false, or the node is.
    #[error("the L2 node's output {received} is not the output {expected} of commitment {commitment}")]
    OutputMismatch {
        /// The commitment.
        commitment: B256,
        /// Root of the node's output.
        received: B256,
        /// Root that the commitment names.
        expected: B256,
    },
    /// The L2 node's proof does not hold.
    #[error("the L2 node's proof does not hold: {0}")]
    Proof(#[from] ProofError),
    /// The L2 node names a commitment by an id that its fields do not hash to.
    #[error("the L2 node names commitment {expected} as {received}")]
    CommitmentMismatch {
        /// Id that the node says.
        received: B256,
        /// Id of the fields.
        expected: B256,
    },
    /// The L2 node does not know a commitment that L1 does. It may be behind.
    #[error("the L2 node does not know commitment {0}")]
    UnknownCommitment(B256),
    /// A commitment was rejected: the message has to be proven under another.
    #[error("commitment {0} was rejected")]
    CommitmentRejected(B256),
    /// The window of a commitment is over, but disputes are not: it becomes final when all of them have failed.
    #[error("commitment {commitment} waits for {challenges} disputes")]
    CommitmentChallenged {
        /// The commitment.
        commitment: B256,
        /// Disputes about it and about what it builds on.
        challenges: u32,
    },
}

/// The error of a contract.
#[derive(Debug)]
#[allow(missing_docs, reason = "the variants are the contracts")]
pub enum Refusal {
    Bridge(BridgeErrors),
    CanonicalTransactionChain(CanonicalTransactionChainErrors),
    StateCommitmentChain(StateCommitmentChainErrors),
    Outbox(OutboxErrors),
    L1TokenGateway(L1TokenGatewayErrors),
    L2TokenGateway(L2TokenGatewayErrors),
    L1NFTGateway(L1NFTGatewayErrors),
    L2NFTGateway(L2NFTGatewayErrors),
    /// An ERC-20, if it uses the errors of ERC-6093 and ERC-2612.
    Token(BridgedTokenErrors),
    /// An ERC-721, likewise.
    NFT(BridgedNFTErrors),
    /// A gateway for tokens that another contract called. Of what arrives, those of both kinds and chains say the same.
    Gateway(L1TokenGatewayErrors),
    FastExit(FastExitErrors),
    RelayTip(RelayTipErrors),
    L1ERC7786Gateway(L1ERC7786GatewayErrors),
    /// Another contract's error, as it came.
    Other(Bytes),
}

impl Refusal {
    /// The error of a contract that another one called, by what it looks like: one that several contracts have is taken for that
    /// of the first.
    pub fn of_callee(data: Bytes) -> Self {
        /// The error, if it is of the contract whose errors are `E`.
        fn of<E: SolInterface>(data: &[u8], contract: fn(E) -> Refusal) -> Option<Refusal> {
            E::abi_decode(data).ok().map(contract)
        }

        of(&data, Self::Bridge)
            .or_else(|| of(&data, Self::Outbox))
            .or_else(|| of(&data, Self::Token))
            .or_else(|| of(&data, Self::NFT))
            .or_else(|| of(&data, Self::Gateway))
            .or_else(|| of(&data, Self::FastExit))
            .or_else(|| of(&data, Self::RelayTip))
            .or_else(|| of(&data, Self::L1ERC7786Gateway))
            .unwrap_or(Self::Other(data))
    }

    /// Why the call failed that the contract made for somebody, of a message or of a delivery that was tried again, in the words of
    /// the contract that was called. None if this is no such failure, or that contract said nothing.
    pub fn reason(&self) -> Option<Self> {
        let reason = match self {
            Self::Bridge(BridgeErrors::MessageCallFailed(error)) => &error.reason,
            Self::L2TokenGateway(L2TokenGatewayErrors::DeliveryFailedAgain(error)) => &error.reason,
            Self::L2NFTGateway(L2NFTGatewayErrors::DeliveryFailedAgain(error)) => &error.reason,
            _ => return None,
        };
        (!reason.is_empty()).then(|| Self::of_callee(reason.clone()))
    }

    /// The error as the contract encoded it.
    pub fn data(&self) -> Bytes {
        match self {
            Self::Bridge(error) => error.abi_encode().into(),
            Self::CanonicalTransactionChain(error) => error.abi_encode().into(),
            Self::StateCommitmentChain(error) => error.abi_encode().into(),
            Self::Outbox(error) => error.abi_encode().into(),
            Self::L1TokenGateway(error) => error.abi_encode().into(),
            Self::L2TokenGateway(error) => error.abi_encode().into(),
            Self::L1NFTGateway(error) => error.abi_encode().into(),
            Self::L2NFTGateway(error) => error.abi_encode().into(),
            Self::Token(error) => error.abi_encode().into(),
            Self::NFT(error) => error.abi_encode().into(),
            Self::Gateway(error) => error.abi_encode().into(),
            Self::FastExit(error) => error.abi_encode().into(),
            Self::RelayTip(error) => error.abi_encode().into(),
            Self::L1ERC7786Gateway(error) => error.abi_encode().into(),
            Self::Other(data) => data.clone(),
        }
    }

    /// Says who refused, and how.
    fn fmt_own(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bridge(error) => write!(f, "the bridge: {error:?}"),
            Self::CanonicalTransactionChain(error) => write!(f, "the canonical transaction chain: {error:?}"),
            Self::StateCommitmentChain(error) => write!(f, "the state commitment chain: {error:?}"),
            Self::Outbox(error) => write!(f, "the outbox: {error:?}"),
            Self::L1TokenGateway(error) => write!(f, "the token gateway on L1: {error:?}"),
            Self::L2TokenGateway(error) => write!(f, "the token gateway on L2: {error:?}"),
            Self::L1NFTGateway(error) => write!(f, "the NFT gateway on L1: {error:?}"),
            Self::L2NFTGateway(error) => write!(f, "the NFT gateway on L2: {error:?}"),
            Self::Token(error) => write!(f, "the token: {error:?}"),
            Self::NFT(error) => write!(f, "the token: {error:?}"),
            Self::Gateway(error) => write!(f, "a token gateway: {error:?}"),
            Self::FastExit(error) => write!(f, "the market of withdrawals: {error:?}"),
            Self::RelayTip(error) => write!(f, "the contract of tips: {error:?}"),
            Self::L1ERC7786Gateway(error) => write!(f, "the ERC-7786 gateway on L1: {error:?}"),
            Self::Other(data) => write!(f, "a contract: {data}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_own(f)?;
        // Not the reason of the reason: how deep that goes is up to others.
        if let Some(reason) = self.reason() {
            f.write_str(", refused by ")?;
            reason.fmt_own(f)?;
        }
        Ok(())
    }
}

impl Error {
    /// Whether trying again may help: the node may answer, another commitment be posted, or a dispute be decided.
    pub(crate) const fn may_pass(&self) -> bool {
        use Error::{CommitmentChallenged, OutputMismatch, Transport, UnknownCommitment};

        matches!(self, Transport(_) | OutputMismatch { .. } | UnknownCommitment(_) | CommitmentChallenged { .. })
    }
}

/// The error of a call to the contract whose errors are `E`.
pub(crate) fn refused<E: SolInterface>(contract: fn(E) -> Refusal) -> impl Fn(contract::Error) -> Error {
    move |error| match (error.as_revert_data(), error) {
        (Some(data), _) => Error::Refused(match E::abi_decode(&data) {
            Ok(error) => contract(error),
            Err(_) => Refusal::of_callee(data),
        }),
        (None, contract::Error::TransportError(error)) => Error::Transport(error),
        (None, contract::Error::PendingTransactionError(error)) => Error::Unconfirmed(error),
        (None, error) => Error::Call(error),
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;
    use postern_bindings::{
        Bridge, BridgedToken, FastExit, L1ERC7786Gateway, L1TokenGateway, L2TokenGateway, RelayTip,
    };

    use super::*;

    const SOMEBODY: Address = Address::repeat_byte(0x5b);

    #[test]
    fn the_reason_of_a_failed_call_is_in_the_words_of_who_was_called() {
        let said = |error: Vec<u8>| {
            let failed = BridgeErrors::MessageCallFailed(Bridge::MessageCallFailed { index: 7, reason: error.into() });
            Refusal::Bridge(failed).reason()
        };
        let twin = said(L1TokenGateway::TwinNotCreated { homeToken: SOMEBODY }.abi_encode());
        assert!(matches!(
            twin,
            Some(Refusal::Gateway(L1TokenGatewayErrors::TwinNotCreated(error))) if error.homeToken == SOMEBODY
        ));
        let call = L1TokenGateway::CallNotAccepted { recipient: SOMEBODY, received: [1; 4].into() };
        assert!(matches!(
            said(call.abi_encode()),
            Some(Refusal::Gateway(L1TokenGatewayErrors::CallNotAccepted(error))) if error == call
        ));
        let recipient = said(L1TokenGateway::InvalidRecipient { received: SOMEBODY }.abi_encode());
        assert!(matches!(recipient, Some(Refusal::Gateway(L1TokenGatewayErrors::InvalidRecipient(_)))));
        let filled = said(FastExit::ClaimAlreadyFilled { id: B256::ZERO, owner: SOMEBODY }.abi_encode());
        assert!(matches!(filled, Some(Refusal::FastExit(FastExitErrors::ClaimAlreadyFilled(_)))));
        let early = said(RelayTip::MessageNotFinalized { index: 7 }.abi_encode());
        assert!(matches!(early, Some(Refusal::RelayTip(RelayTipErrors::MessageNotFinalized(_)))));
        let unknown = said(L1ERC7786Gateway::UnsupportedAttribute { selector: [1; 4].into() }.abi_encode());
        assert!(matches!(unknown, Some(Refusal::L1ERC7786Gateway(L1ERC7786GatewayErrors::UnsupportedAttribute(_)))));
        assert!(matches!(said(b"not today".to_vec()), Some(Refusal::Other(data)) if data == b"not today"[..]));
        assert!(said(Vec::new()).is_none(), "it said nothing");
    }

    /// Also what failed on L2; and what did not fail within has none.
    #[test]
    fn a_delivery_that_fails_again_says_why() {
        let reason = BridgedToken::NotGateway { received: SOMEBODY, expected: SOMEBODY }.abi_encode().into();
        let again = L2TokenGateway::DeliveryFailedAgain { id: B256::ZERO, reason };
        let refusal = Refusal::L2TokenGateway(L2TokenGatewayErrors::DeliveryFailedAgain(again));
        assert!(matches!(refusal.reason(), Some(Refusal::Token(BridgedTokenErrors::NotGateway(_)))));
        let shown = refusal.to_string();
        assert!(shown.contains("refused by the token: NotGateway"), "{shown}");
        assert!(refusal.reason().and_then(|reason| reason.reason()).is_none());
    }
}
