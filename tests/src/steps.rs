//! What most flows begin with.

use alloy::{
    consensus::TxEnvelope,
    network::{Ethereum, EthereumWallet, NetworkTransactionBuilder, ReceiptResponse, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256},
    providers::Provider,
    rpc::types::{TransactionReceipt, TransactionRequest},
};
use eyre::{OptionExt, Result, ensure};
use postern_client::{Deposit, Executable, Provable, Withdrawal, withdrawals};
use postern_protocol::commitment::{Commitment, checkpoints_hash};

use crate::{
    Client,
    actor::Actor,
    devnet::Devnet,
    l1::L2_CHAIN_ID,
    wait::{Mined, PATIENCE, eventually},
};

/// So many ETH, in wei.
pub fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}

impl Devnet {
    /// Deposits `amount` wei to an actor's own account, and waits until it is on L2.
    ///
    /// # Errors
    /// If that fails.
    pub async fn fund(&self, actor: Actor, amount: U256) -> Result<()> {
        let client = self.client(actor);
        let deposit = client.deposit_eth(self.address(actor), amount).await?.state;
        ensure!(client.wait_for_deposit(&deposit, PATIENCE).await?.status(), "the deposit failed on L2");
        Ok(())
    }

    /// Sends a message to L1 with `value` wei, from an actor that has them on L2.
    ///
    /// # Errors
    /// If that fails.
    pub async fn withdraw(
        &self,
        actor: Actor,
        target: Address,
        value: U256,
        gas_limit: u64,
        data: impl Into<Bytes>,
    ) -> Result<Withdrawal> {
        Ok(self.client(actor).initiate_withdrawal(target, value, gas_limit, data.into()).await?.state)
    }

    /// A queued message's own message to L1, once the queued one is executed on L2, as a node behind `client` tells.
    ///
    /// # Errors
    /// If it is not executed, or sent no message.
    pub async fn withdrawal_of(&self, client: &Client, deposit: &Deposit) -> Result<Withdrawal> {
        let receipt = client.wait_for_deposit(deposit, PATIENCE).await?;
        withdrawals(&receipt).pop().ok_or_eyre("the queued message sent nothing to L1")
    }

    /// An L2 transaction that moves one wei, signed but not sent.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub async fn signed_transfer(&self, actor: Actor, to: Address, nonce: u64) -> Result<TxEnvelope> {
        let request = TransactionRequest::default()
            .with_to(to)
            .with_value(U256::ONE)
            .with_nonce(nonce)
            .with_chain_id(L2_CHAIN_ID)
            .with_gas_limit(21_000)
            .with_max_fee_per_gas(1_000_000_000)
            .with_max_priority_fee_per_gas(0);
        let wallet = EthereumWallet::from(self.signer(actor));
        Ok(NetworkTransactionBuilder::<Ethereum>::build(request, &wallet).await?)
    }

    /// Appends a batch as the sequencer may, whatever it says; its origin is the L1 block before the last. Returns its receipt and,
    /// if it reverted, with what.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn append(
        &self,
        consume_to: u64,
        data: impl Into<Bytes>,
    ) -> Result<(TransactionReceipt, Result<(), Bytes>)> {
        let sequencer = self.client(Actor::Sequencer);
        let contract = sequencer.canonical_transaction_chain();
        let index = contract.head().call().await?.batchCount;
        let origin = self.l1_head().await?.block_number - 1;
        let hash = self.l1().get_block_by_number(origin.into()).await?.ok_or_eyre("no such block")?.header.hash;
        self.force(contract.appendBatch(index, consume_to, origin, hash, data.into())).await
    }

    /// Waits until a message can be proven.
    ///
    /// # Errors
    /// If nobody proposes.
    pub async fn provable(&self, withdrawal: &Withdrawal) -> Result<Provable> {
        Ok(self.client(Actor::Stranger).wait_to_prove(withdrawal, PATIENCE).await?)
    }

    /// Waits until a message is in a commitment, lets the challenge window pass, and makes the commitment final.
    ///
    /// # Errors
    /// If nobody proposes.
    pub async fn executable(&self, withdrawal: &Withdrawal) -> Result<Executable> {
        let stranger = self.client(Actor::Stranger);
        self.provable(withdrawal).await?;
        self.warp_past_challenge_window().await?;
        let executable = stranger.wait_to_execute(withdrawal, PATIENCE).await?;
        stranger.finalize_commitment(executable.provable().commitment()).await?;
        Ok(executable)
    }

    /// Waits until so many batches are on L1 and derived, and returns the output root after each.
    ///
    /// # Errors
    /// If there are none.
    pub async fn output_roots(&self, batch_count: u64) -> Result<Vec<B256>> {
        let chain = self.node().chain();
        eventually("batches are derived", || async { Ok((chain.heads().derived >= batch_count).then_some(())) })
            .await?;
        let mut roots = Vec::new();
        for count in 1..=batch_count {
            roots.extend(chain.output(count)?.map(|output| output.root()));
        }
        Ok(roots)
    }

    /// What an actor would commit to by proposing `checkpoints` on `parent` now.
    ///
    /// # Errors
    /// If there are not so many batches, or L1 cannot be reached.
    pub async fn commitment(&self, proposer: Actor, parent: B256, checkpoints: &[B256]) -> Result<Commitment> {
        let since = self.state_commitment_chain().batchCountOf(parent).call().await?;
        let batch_count = since + checkpoints.len() as u64;
        let batch_hash = self.canonical_transaction_chain().batchHash(batch_count - 1).call().await?;
        Ok(Commitment {
            parent,
            batch_hash,
            batch_count,
            output_root: checkpoints.last().copied().unwrap_or_default(),
            checkpoints_hash: checkpoints_hash(checkpoints),
            proposer: self.address(proposer),
        })
    }

    /// Proposes a commitment, with its bond.
    ///
    /// # Errors
    /// If that fails.
    pub async fn propose(&self, proposer: Actor, parent: B256, checkpoints: &[B256]) -> Result<Commitment> {
        let commitment = self.commitment(proposer, parent, checkpoints).await?;
        let client = self.client(proposer);
        let contract = client.state_commitment_chain();
        let bond = U256::from(contract.BOND().call().await?);
        let propose = contract.propose(parent, commitment.batch_hash, checkpoints.to_vec()).value(bond);
        let receipt = propose.send().await?.mined().await?;
        ensure!(receipt.status(), "the proposal was refused");
        Ok(commitment)
    }

    /// Id of the commitment that all others build on.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn genesis_commitment(&self) -> Result<B256> {
        Ok(self.state_commitment_chain().genesisCommitment().call().await?)
    }

    /// Proposes, truly and on the genesis commitment, all batches up to the one that contains a message.
    ///
    /// # Errors
    /// If that fails.
    pub async fn propose_up_to(&self, proposer: Actor, withdrawal: &Withdrawal) -> Result<Commitment> {
        let chain = self.node().chain();
        let batch_count =
            eventually("the message is in a batch", || async { Ok(chain.batch_count_at(withdrawal.block_number)?) })
                .await?;
        let checkpoints = self.output_roots(batch_count).await?;
        self.propose(proposer, self.genesis_commitment().await?, &checkpoints).await
    }
}
