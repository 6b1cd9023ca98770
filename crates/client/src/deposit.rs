use std::time::Duration;

use alloy::{
    eips::BlockId,
    network::AnyTransactionReceipt,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::Provider,
    rlp::{Encodable, Header},
    rpc::types::TransactionReceipt,
    sol_types::SolCall,
};
use postern_bindings::{Bridge, Outbox};
use postern_protocol::{constants::minimum_gas_limit, message::QueuedMessage, predeploys};

use crate::{
    Client, Sent,
    error::{Error, Refusal, refused},
};

/// L2 gas that [`Client::deposit_eth`] buys: enough for a wallet contract that logs what it receives.
pub const DEPOSIT_GAS_LIMIT: u64 = 100_000;

/// L2 gas with which `Outbox.send` extends the deepest tree, above what its calldata costs.
const OUTBOX_GAS: u64 = 250_000;

/// A call to be made on L2, from the account that sends it on L1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2Call {
    /// Whom to call.
    pub target: Address,
    /// ETH to credit to the sender on L2 before the call, in wei. It stays if the call fails.
    pub mint: U256,
    /// ETH that the call carries, in wei of the sender's L2 balance.
    pub value: U256,
    /// L2 gas to buy for the call; see `Bridge.minimumGasLimit`.
    pub gas_limit: u64,
    /// Calldata.
    pub data: Bytes,
}

impl L2Call {
    /// A message to L1, sent from L1: the way out of a user whom the sequencer ignores. It carries `value` wei of the sender's
    /// L2 balance; `mint` may add to that. The arguments are those of [`Client::initiate_withdrawal`].
    pub fn withdrawal(target: Address, value: U256, gas_limit: u64, data: Bytes) -> Self {
        let data = Bytes::from(Outbox::sendCall { target, gasLimit: gas_limit, data }.abi_encode());
        let gas_limit = minimum_gas_limit(data.len()) + OUTBOX_GAS;
        Self { target: predeploys::OUTBOX, mint: U256::ZERO, value, gas_limit, data }
    }
}

/// What L2 gas costs, in wei. The price moves with each L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The fee, if the message were queued in the next L1 block.
    pub fee: U256,
    /// The most that [`Client::send_to_l2`] would pay: a quarter more. What is not needed is the sender's on L2.
    pub max_fee: U256,
}

impl Quote {
    pub(crate) fn of(fee: U256) -> Self {
        Self { fee, max_fee: fee + fee.div_ceil(U256::from(4)) }
    }
}

/// A message on its way to L2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// The message, as the bridge queued it.
    pub message: QueuedMessage,
    /// Where it ends in the queue, in L2 gas bought since genesis: a batch that consumes so far executes it.
    pub place: u64,
    /// Hash of the L2 transaction that it becomes.
    pub transaction_hash: B256,
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    /// Moves `amount` wei to `recipient` on L2. If `recipient` is a contract and does not take it, it stays with the sender.
    ///
    /// # Errors
    /// If the bridge refuses, or L1 cannot be reached.
    pub async fn deposit_eth(&self, recipient: Address, amount: U256) -> Result<Sent<Deposit>, Error> {
        let gas_limit = DEPOSIT_GAS_LIMIT;
        self.send_to_l2(L2Call { target: recipient, mint: amount, value: amount, gas_limit, data: Bytes::new() }).await
    }

    /// What so much L2 gas costs a message to L2 now.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn quote(&self, gas_limit: u64) -> Result<Quote, Error> {
        // The price of a block depends on what was bought in the one before it.
        let quote = self.bridge().quote(gas_limit).block(BlockId::pending()).call().await;
        Ok(Quote::of(quote.map_err(refused(Refusal::Bridge))?))
    }

    /// Sends a message to L2. It allows a quarter more than the L2 gas costs now, for a price that rises before the
    /// transaction is included; what is not needed is credited to the sender on L2.
    ///
    /// # Errors
    /// If the bridge refuses, or L1 cannot be reached.
    pub async fn send_to_l2(&self, call: L2Call) -> Result<Sent<Deposit>, Error> {
        let L2Call { target, mint, value, gas_limit, data } = call;
        let bridge = self.bridge();
        let Quote { max_fee, .. } = self.quote(gas_limit).await?;
        let send = bridge.sendToL2(target, value, gas_limit, max_fee, data).value(mint + max_fee);
        let receipt = self.send(send, Refusal::Bridge).await?;
        match self.deposits(&receipt).pop() {
            Some(state) => Ok(Sent { state, receipt }),
            None => Err(Error::NoEvent { transaction: receipt.transaction_hash, contract: *bridge.address() }),
        }
    }

    /// All messages to L2 that an L1 transaction sent, in order.
    pub fn deposits(&self, receipt: &TransactionReceipt) -> Vec<Deposit> {
        let bridge = self.deployment.bridge.address;
        let logs = receipt.logs().iter().filter(|log| log.address() == bridge);
        let events = logs.filter_map(|log| log.log_decode_validate::<Bridge::MessageQueued>().ok());
        events
            .map(|event| {
                let place = event.inner.data.queueGas;
                let message = QueuedMessage::from(event.inner.data);
                let transaction_hash = transaction_hash(&message);
                Deposit { message, place, transaction_hash }
            })
            .collect()
    }

    /// Waits until a message was executed on L2, and returns the receipt of that: its status says whether the call
    /// succeeded.
    ///
    /// # Errors
    /// [`Error::Timeout`] if that takes longer than `timeout`.
    pub async fn wait_for_deposit(&self, deposit: &Deposit, timeout: Duration) -> Result<AnyTransactionReceipt, Error> {
        let hash = deposit.transaction_hash;
        self.wait("deposit on L2", timeout, || self.ask("eth_getTransactionReceipt", (hash,))).await
    }
}

/// Hash of the `0x7e` transaction that a queued message becomes on L2 (`docs/specification.md`, Deposits).
fn transaction_hash(message: &QueuedMessage) -> B256 {
    let is_system = false;
    let fields: [&dyn Encodable; 8] = [
        &message.hash(),
        &message.sender,
        &message.target,
        &message.mint,
        &message.value,
        &message.gas_limit,
        &is_system,
        &message.data,
    ];
    let mut transaction = vec![0x7e];
    let payload_length = fields.iter().map(|field| field.length()).sum();
    Header { list: true, payload_length }.encode(&mut transaction);
    fields.iter().for_each(|field| field.encode(&mut transaction));
    keccak256(transaction)
}
