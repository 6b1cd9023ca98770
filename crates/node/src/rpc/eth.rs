//! `eth_`: reading the chain and its state, and sending transactions.

use alloy::{
    consensus::{Header, Sealed, Transaction},
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, U64, U256},
    rpc::types::{
        BlockId, EIP1186AccountProofResponse, EIP1186StorageProof, FeeHistory, Filter, Index, Log, TransactionRequest,
    },
    serde::JsonStorageKey,
};
use jsonrpsee::proc_macros::rpc;
use postern_execution::{L2Transaction, State, next_base_fee};

use super::{
    Rpc, RpcError, RpcResult, calls,
    error::limit,
    logs::search,
    types::{self, RpcBlock, RpcReceipt, RpcTransaction},
};
use crate::store::{Block, StorePreimages};

/// Tip to suggest, in wei per gas: a tenth of the lowest base fee, to come before those that tip nothing.
const SUGGESTED_TIP: u64 = 100_000;
/// Blocks of one fee history, at most; more are cut, as the method prescribes.
const MAX_FEE_HISTORY: u64 = 1_024;
/// Percentiles of one fee history, at most.
const MAX_PERCENTILES: u64 = 100;
/// Storage slots of one proof, at most.
const MAX_PROOF_SLOTS: u64 = 1_024;

#[rpc(server, namespace = "eth")]
pub(super) trait EthApi {
    #[method(name = "chainId")]
    fn chain_id(&self) -> RpcResult<U64>;

    /// The node holds no keys.
    #[method(name = "accounts")]
    fn accounts(&self) -> RpcResult<Vec<Address>>;

    /// Always false: the node serves the chain as far as it has come. `postern_syncStatus` says how far that is.
    #[method(name = "syncing")]
    fn syncing(&self) -> RpcResult<bool>;

    #[method(name = "blockNumber")]
    fn block_number(&self) -> RpcResult<U64>;

    #[method(name = "getBlockByNumber", blocking)]
    fn block_by_number(&self, number: BlockNumberOrTag, full: Option<bool>) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getBlockByHash", blocking)]
    fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getBlockTransactionCountByNumber", blocking)]
    fn transaction_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>>;

    #[method(name = "getBlockTransactionCountByHash", blocking)]
    fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>>;

    #[method(name = "getTransactionByHash", blocking)]
    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionByBlockNumberAndIndex", blocking)]
    fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionByBlockHashAndIndex", blocking)]
    fn transaction_by_hash_and_index(&self, hash: B256, index: Index) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionReceipt", blocking)]
    fn receipt(&self, hash: B256) -> RpcResult<Option<RpcReceipt>>;

    #[method(name = "getBlockReceipts", blocking)]
    fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<RpcReceipt>>>;

    #[method(name = "getBalance", blocking)]
    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256>;

    #[method(name = "getCode", blocking)]
    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes>;

    #[method(name = "getStorageAt", blocking)]
    fn storage_at(&self, address: Address, slot: JsonStorageKey, block: Option<BlockId>) -> RpcResult<B256>;

    /// `pending` counts the transactions in the pool.
    #[method(name = "getTransactionCount", blocking)]
    fn nonce(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64>;

    #[method(name = "getProof", blocking)]
    fn proof(
        &self,
        address: Address,
        slots: Vec<JsonStorageKey>,
        block: Option<BlockId>,
    ) -> RpcResult<EIP1186AccountProofResponse>;

    #[method(name = "call", blocking)]
    fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<serde_json::Value>,
        block_overrides: Option<serde_json::Value>,
    ) -> RpcResult<Bytes>;

    #[method(name = "estimateGas", blocking)]
    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<serde_json::Value>,
    ) -> RpcResult<U64>;

    #[method(name = "gasPrice", blocking)]
    fn gas_price(&self) -> RpcResult<U64>;

    #[method(name = "maxPriorityFeePerGas")]
    fn max_priority_fee_per_gas(&self) -> RpcResult<U64>;

    #[method(name = "feeHistory", blocking)]
    fn fee_history(
        &self,
        block_count: U64,
        newest_block: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory>;

    #[method(name = "getLogs", blocking)]
    fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>>;

    #[method(name = "sendRawTransaction", blocking)]
    fn send_raw_transaction(&self, transaction: Bytes) -> RpcResult<B256>;
}

impl EthApiServer for Rpc {
    fn chain_id(&self) -> RpcResult<U64> {
        Ok(U64::from(self.chain.chain_id()))
    }

    fn accounts(&self) -> RpcResult<Vec<Address>> {
        Ok(Vec::new())
    }

    fn syncing(&self) -> RpcResult<bool> {
        Ok(false)
    }

    fn block_number(&self) -> RpcResult<U64> {
        Ok(U64::from(self.number(BlockNumberOrTag::Latest)))
    }

    fn block_by_number(&self, number: BlockNumberOrTag, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        let block = self.block(number)?;
        Ok(block.map(|block| types::block(&block, full.unwrap_or_default())))
    }

    fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        let block = self.block(hash)?;
        Ok(block.map(|block| types::block(&block, full.unwrap_or_default())))
    }

    fn transaction_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>> {
        Ok(self.block(number)?.map(|block| U64::from(block.transactions.len())))
    }

    fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        Ok(self.block(hash)?.map(|block| U64::from(block.transactions.len())))
    }

    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>> {
        if let Some(location) = self.chain.transaction(hash)? {
            let block = self.block(BlockNumberOrTag::Number(location.block_number))?;
            return Ok(block.and_then(|block| types::transaction(&block, location.index as usize)));
        }
        let pooled = self.chain.pooled(hash);
        Ok(pooled.map(|pooled| types::pooled_transaction(pooled.transaction, pooled.sender)))
    }

    fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: Index,
    ) -> RpcResult<Option<RpcTransaction>> {
        Ok(self.block(number)?.and_then(|block| types::transaction(&block, index.0)))
    }

    fn transaction_by_hash_and_index(&self, hash: B256, index: Index) -> RpcResult<Option<RpcTransaction>> {
        Ok(self.block(hash)?.and_then(|block| types::transaction(&block, index.0)))
    }

    fn receipt(&self, hash: B256) -> RpcResult<Option<RpcReceipt>> {
        let Some(location) = self.chain.transaction(hash)? else {
            return Ok(None);
        };
        let block = self.block(BlockNumberOrTag::Number(location.block_number))?;
        Ok(block.and_then(|block| types::receipts(&block).into_iter().nth(location.index as usize)))
    }

    fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<RpcReceipt>>> {
        Ok(self.block(block)?.map(|block| types::receipts(&block)))
    }

    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256> {
        let account = self.state(block)?.account(address)?;
        Ok(account.map_or(U256::ZERO, |account| account.balance))
    }

    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes> {
        Ok(self.state(block)?.code(address)?)
    }

    fn storage_at(&self, address: Address, slot: JsonStorageKey, block: Option<BlockId>) -> RpcResult<B256> {
        let value = self.state(block)?.storage(address, slot.as_b256().into())?;
        Ok(value.into())
    }

    fn nonce(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64> {
        if block == Some(BlockId::pending()) {
            return Ok(U64::from(self.chain.next_nonce(address)?));
        }
        let account = self.state(block)?.account(address)?;
        Ok(account.map_or(U64::ZERO, |account| U64::from(account.nonce)))
    }

    fn proof(
        &self,
        address: Address,
        slots: Vec<JsonStorageKey>,
        block: Option<BlockId>,
    ) -> RpcResult<EIP1186AccountProofResponse> {
        limit("storage slots to prove", slots.len() as u64, MAX_PROOF_SLOTS)?;
        let keys: Vec<U256> = slots.iter().map(|slot| slot.as_b256().into()).collect();
        let proof = self.state(block)?.proof(address, &keys)?;
        let storage = slots.into_iter().zip(proof.storage);
        Ok(EIP1186AccountProofResponse {
            address,
            balance: proof.account.balance,
            code_hash: proof.account.code_hash,
            nonce: proof.account.nonce,
            storage_hash: proof.account.storage_root,
            account_proof: proof.proof,
            storage_proof: storage
                .map(|(key, slot)| EIP1186StorageProof { key, value: slot.value, proof: slot.proof })
                .collect(),
        })
    }

    fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<serde_json::Value>,
        block_overrides: Option<serde_json::Value>,
    ) -> RpcResult<Bytes> {
        refuse_overrides("state overrides", state_overrides)?;
        refuse_overrides("block overrides", block_overrides)?;
        calls::call(&self.chain, &self.existing_header(block.unwrap_or_default())?, request)
    }

    fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        state_overrides: Option<serde_json::Value>,
    ) -> RpcResult<U64> {
        refuse_overrides("state overrides", state_overrides)?;
        let header = self.existing_header(block.unwrap_or_default())?;
        calls::estimate_gas(&self.chain, &header, request).map(U64::from)
    }

    fn gas_price(&self) -> RpcResult<U64> {
        Ok(U64::from(self.chain.base_fee()? + SUGGESTED_TIP))
    }

    fn max_priority_fee_per_gas(&self) -> RpcResult<U64> {
        Ok(U64::from(SUGGESTED_TIP))
    }

    fn fee_history(
        &self,
        block_count: U64,
        newest_block: BlockNumberOrTag,
        percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory> {
        let percentiles = percentiles.unwrap_or_default();
        limit("percentiles", percentiles.len() as u64, MAX_PERCENTILES)?;
        if !percentiles.is_sorted() || !percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile)) {
            return Err(RpcError::InvalidParams("percentiles must rise from 0 to 100".into()));
        }
        let newest = self.existing_header(newest_block)?.number;
        let count = block_count.to::<u64>().min(MAX_FEE_HISTORY).min(newest + 1);
        let oldest_block = newest + 1 - count;
        let mut history = FeeHistory { oldest_block, ..Default::default() };
        let mut rewards = Vec::new();
        for number in oldest_block..=newest {
            let header = self.chain.header(number)?.ok_or(RpcError::UnknownBlock(number.into()))?;
            history.base_fee_per_gas.push(header.base_fee_per_gas.unwrap_or_default().into());
            history.gas_used_ratio.push(header.gas_used as f64 / header.gas_limit as f64);
            if !percentiles.is_empty() {
                rewards.push(tips_at(&self.existing_block(number)?, &percentiles));
            }
            if number == newest {
                history.base_fee_per_gas.push(next_base_fee(&header).into());
            }
        }
        history.reward = (!percentiles.is_empty()).then_some(rewards);
        Ok(history)
    }

    fn logs(&self, filter: Filter) -> RpcResult<Vec<Log>> {
        search(self, &filter)
    }

    fn send_raw_transaction(&self, transaction: Bytes) -> RpcResult<B256> {
        Ok(self.chain.submit_transaction(transaction)?)
    }
}

impl Rpc {
    /// The number that a tag stands for. `pending` is the latest: a block is not shown before it is made.
    pub(super) fn number(&self, tag: BlockNumberOrTag) -> u64 {
        let heads = self.chain.heads();
        match tag {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Latest | BlockNumberOrTag::Pending => heads.unsafe_.number,
            BlockNumberOrTag::Safe => heads.safe.number,
            BlockNumberOrTag::Finalized => heads.finalized.number,
            BlockNumberOrTag::Earliest => 0,
        }
    }

    /// A header that must exist.
    pub(super) fn existing_header(&self, name: impl Into<BlockId>) -> RpcResult<Sealed<Header>> {
        let name = name.into();
        self.chain.header(name)?.ok_or(RpcError::UnknownBlock(name))
    }

    /// A block, if it exists.
    fn block(&self, name: impl Into<BlockId>) -> RpcResult<Option<Block>> {
        Ok(self.chain.block(name)?)
    }

    /// A block that must exist.
    pub(super) fn existing_block(&self, name: impl Into<BlockId>) -> RpcResult<Block> {
        let name = name.into();
        self.block(name)?.ok_or(RpcError::UnknownBlock(name))
    }

    /// The state after a block, by default the latest.
    fn state(&self, block: Option<BlockId>) -> RpcResult<State<StorePreimages>> {
        let header = self.existing_header(block.unwrap_or_default())?;
        Ok(self.chain.state_after(&header)?)
    }
}

/// An absent or empty override changes nothing; any other is refused.
fn refuse_overrides(what: &'static str, overrides: Option<serde_json::Value>) -> RpcResult<()> {
    match overrides {
        None | Some(serde_json::Value::Null) => Ok(()),
        Some(serde_json::Value::Object(fields)) if fields.is_empty() => Ok(()),
        Some(_) => Err(RpcError::NotSupported(what)),
    }
}

/// The tips, in wei per gas, that were paid at these percentiles of the gas that signed transactions used.
fn tips_at(block: &Block, percentiles: &[f64]) -> Vec<u128> {
    let mut gas_before = 0;
    let mut tips: Vec<(u128, u64)> = Vec::new();
    for (transaction, receipt) in block.transactions.iter().zip(&block.receipts) {
        let gas_used = receipt.cumulative_gas_used - gas_before;
        gas_before = receipt.cumulative_gas_used;
        if let L2Transaction::Ethereum(transaction) = transaction {
            let base_fee = block.header.base_fee_per_gas.unwrap_or_default();
            tips.push((transaction.effective_tip_per_gas(base_fee).unwrap_or_default(), gas_used));
        }
    }
    tips.sort_unstable();
    let total: u64 = tips.iter().map(|(_, gas_used)| gas_used).sum();
    let tip_at = |percentile: &f64| {
        let threshold = total as f64 * percentile / 100.0;
        let mut gas = 0;
        let reached = tips.iter().find(|(_, gas_used)| {
            gas += gas_used;
            gas as f64 >= threshold
        });
        reached.map_or(0, |(tip, _)| *tip)
    };
    percentiles.iter().map(tip_at).collect()
}
