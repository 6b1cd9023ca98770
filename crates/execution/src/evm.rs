//! The EVM: Osaka, with fees that go to the beneficiary whole.

use crate::{
    preimages::{MissingPreimage, Preimages},
    state::State,
    transaction::Deposit,
};
use alloc::vec::Vec;
use alloy_consensus::{Header, Transaction, TxEnvelope};
use alloy_primitives::{Address, U256};
use core::marker::PhantomData;
use revm::{
    Context, MainBuilder, MainContext,
    context::{
        BlockEnv, CfgEnv, ContextTr, JournalTr, TxEnv,
        either::Either,
        journaled_state::account::JournaledAccountTr,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    context_interface::Transaction as _,
    context_interface::block::{BlobExcessGasAndPrice, Block},
    handler::{FrameResult, Handler, MainnetContext, MainnetEvm},
    primitives::{TxKind, eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE, hardfork::SpecId},
    state::EvmState,
};

/// An execution, and what it changed. An error says that the transaction could not even start.
pub(crate) type Execution = Result<(ExecutionResult, EvmState), InvalidTransaction>;

type Evm<'a, P> = MainnetEvm<MainnetContext<&'a mut State<P>>>;

/// Rules for signed transactions.
pub(crate) fn rules(l2_chain_id: u64) -> CfgEnv {
    CfgEnv::new_with_spec(SpecId::OSAKA).with_chain_id(l2_chain_id)
}

/// Rules for deposits and for calls without commitment: the sender needs no key, counts no nonces and pays no price.
pub(crate) fn unsigned_rules(l2_chain_id: u64) -> CfgEnv {
    let mut rules = rules(l2_chain_id);
    rules.disable_nonce_check = true;
    rules.disable_eip3607 = true;
    rules.disable_base_fee = true;
    rules
}

/// What contracts see of the block with this header.
pub(crate) fn environment(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE)),
        slot_num: 0,
    }
}

/// A signed transaction as the EVM takes it.
pub(crate) fn signed(transaction: &TxEnvelope, sender: Address) -> TxEnv {
    TxEnv {
        tx_type: transaction.tx_type().into(),
        caller: sender,
        gas_limit: transaction.gas_limit(),
        gas_price: transaction.max_fee_per_gas(),
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: transaction.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: transaction.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: transaction
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
    }
}

/// A deposit's call as the EVM takes it.
pub(crate) fn deposit(deposit: &Deposit, gas_limit: u64) -> TxEnv {
    TxEnv {
        caller: deposit.from,
        gas_limit,
        kind: TxKind::Call(deposit.to),
        value: deposit.value,
        data: deposit.data.clone(),
        chain_id: None,
        ..TxEnv::default()
    }
}

/// Executes on top of `state`, which stays as it is.
pub(crate) fn execute<P: Preimages>(
    state: &mut State<P>,
    rules: CfgEnv,
    block: &BlockEnv,
    transaction: TxEnv,
) -> Result<Execution, MissingPreimage> {
    let context = Context::mainnet().with_db(state).with_cfg(rules).with_block(block.clone()).with_tx(transaction);
    let mut evm: Evm<'_, P> = context.build_mainnet();
    match FeesToBeneficiary(PhantomData).run(&mut evm) {
        Ok(result) => Ok(Ok((result, evm.ctx.journal_mut().finalize()))),
        Err(EVMError::Database(missing)) => Err(missing),
        Err(EVMError::Transaction(reason)) => Ok(Err(reason)),
        // The environment above is complete, and no precompile fails but by its input. Were there a way here, it would have
        // to be one that every node goes.
        Err(EVMError::Header(_) | EVMError::Custom(_) | EVMError::CustomAny(_)) => {
            Ok(Err(InvalidTransaction::Str("not executable".into())))
        }
    }
}

/// Ethereum's handler, but for the base fee: it is credited like the tip, not burned.
struct FeesToBeneficiary<D>(PhantomData<D>);

impl<'a, P: Preimages> Handler for FeesToBeneficiary<&'a mut State<P>> {
    type Evm = Evm<'a, P>;
    type Error = EVMError<MissingPreimage, InvalidTransaction>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(&self, evm: &mut Self::Evm, result: &mut FrameResult) -> Result<(), Self::Error> {
        let context = &mut evm.ctx;
        let price = context.tx().effective_gas_price(context.block().basefee().into());
        let reward = U256::from(price) * U256::from(result.gas().used());
        let beneficiary = context.block().beneficiary();
        context.journal_mut().load_account_mut(beneficiary)?.incr_balance(reward);
        Ok(())
    }
}
