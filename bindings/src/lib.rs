//! Typed bindings of Postern's contracts: one module for each, from the ABI and bytecode in `abi/`.
//!
//! `node script/bindings.mjs` writes those files from forge's artifacts; `make test` compiles the contracts and fails if one is
//! stale. The documentation of each call, event and error is on its interface in `contracts/src/`.
#![allow(missing_docs, clippy::too_many_arguments)]

pub mod bridge;
pub mod bridged_nft;
pub mod bridged_token;
pub mod canonical_transaction_chain;
mod convert;
pub mod create2_factory;
pub mod dispute_game;
pub mod fast_exit;
pub mod fee_vault;
pub mod l1_erc7786_gateway;
pub mod l1_info;
pub mod l1_nft_gateway;
pub mod l1_token_gateway;
pub mod l2_erc7786_gateway;
pub mod l2_nft_gateway;
pub mod l2_state_reader;
pub mod l2_token_gateway;
pub mod machine_step;
pub mod outbox;
pub mod relay_tip;
pub mod state_commitment_chain;

pub use bridge::Bridge;
pub use bridged_nft::BridgedNFT;
pub use bridged_token::BridgedToken;
pub use canonical_transaction_chain::CanonicalTransactionChain;
pub use create2_factory::Create2Factory;
pub use dispute_game::DisputeGame;
pub use fast_exit::FastExit;
pub use fee_vault::FeeVault;
pub use l1_erc7786_gateway::L1ERC7786Gateway;
pub use l1_info::L1Info;
pub use l1_nft_gateway::L1NFTGateway;
pub use l1_token_gateway::L1TokenGateway;
pub use l2_erc7786_gateway::L2ERC7786Gateway;
pub use l2_nft_gateway::L2NFTGateway;
pub use l2_state_reader::L2StateReader;
pub use l2_token_gateway::L2TokenGateway;
pub use machine_step::MachineStep;
pub use outbox::Outbox;
pub use relay_tip::RelayTip;
pub use state_commitment_chain::StateCommitmentChain;
