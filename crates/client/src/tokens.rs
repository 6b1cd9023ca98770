//! ERC-20s and ERC-721s: what the gateways of both chains do, in the words of a user.
//!
//! A token is named by its address on the chain that it leaves. Whether that is its home or it is a twin there, the gateway knows.

use std::{fmt, marker::PhantomData, time::Duration};

use alloy::{
    consensus::TxReceipt,
    eips::BlockId,
    network::AnyTransactionReceipt,
    primitives::{Address, B256, Bytes, Signature, U256, hex, keccak256},
    providers::Provider,
    rpc::types::{Log, TransactionReceipt},
    sol_types::{SolCall, SolEvent, SolInterface, SolValue},
};
use postern_bindings::{
    BridgedToken, L1TokenGateway, L2TokenGateway, RelayTip,
    l1_nft_gateway::L1NFTGateway::L1NFTGatewayErrors,
    l1_token_gateway::L1TokenGateway::{L1TokenGatewayErrors, L1TokenGatewayInstance},
    l2_nft_gateway::L2NFTGateway::L2NFTGatewayErrors,
    l2_token_gateway::L2TokenGateway::{L2TokenGatewayErrors, L2TokenGatewayInstance},
};
use postern_protocol::constants::minimum_gas_limit;

use crate::{
    Client, Deposit, L2Call, Quote, Sent, Withdrawal,
    deployment::Gateways,
    error::{Error, Refusal, refused},
    withdrawals,
};

/// L2 gas that delivers a token to an account, with some to spare for one that does more than most.
pub const TOKEN_DEPOSIT_GAS_LIMIT: u64 = 400_000;

/// L1 gas that delivers a token to an account, likewise.
pub const TOKEN_WITHDRAWAL_GAS_LIMIT: u64 = 250_000;

/// L1 gas of a tip: enough for a relayer that is a contract by EIP-7702.
const TIP_GAS_LIMIT: u64 = 100_000;

/// L2 gas with which a gateway registers a token, takes it, and tips, above what the calldata costs.
const FORCED_WITHDRAWAL_GAS: u64 = 1_500_000;

/// A kind of tokens.
pub trait Standard: sealed::Sealed {
    /// Errors of the L1 gateway.
    type L1Errors: SolInterface;
    /// Errors of the L2 gateway.
    type L2Errors: SolInterface;

    /// A refusal of the L1 gateway.
    fn l1_refusal(error: Self::L1Errors) -> Refusal;
    /// A refusal of the L2 gateway.
    fn l2_refusal(error: Self::L2Errors) -> Refusal;
}

mod sealed {
    pub trait Sealed {}
}

/// ERC-20s.
#[derive(Clone, Copy, Debug)]
pub enum Erc20 {}

/// ERC-721s.
#[derive(Clone, Copy, Debug)]
pub enum Erc721 {}

impl sealed::Sealed for Erc20 {}
impl sealed::Sealed for Erc721 {}

impl Standard for Erc20 {
    type L1Errors = L1TokenGatewayErrors;
    type L2Errors = L2TokenGatewayErrors;

    fn l1_refusal(error: Self::L1Errors) -> Refusal {
        Refusal::L1TokenGateway(error)
    }

    fn l2_refusal(error: Self::L2Errors) -> Refusal {
        Refusal::L2TokenGateway(error)
    }
}

impl Standard for Erc721 {
    type L1Errors = L1NFTGatewayErrors;
    type L2Errors = L2NFTGatewayErrors;

    fn l1_refusal(error: Self::L1Errors) -> Refusal {
        Refusal::L1NFTGateway(error)
    }

    fn l2_refusal(error: Self::L2Errors) -> Refusal {
        Refusal::L2NFTGateway(error)
    }
}

/// What a gateway is to move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenTransfer {
    /// The token, on the chain that it leaves.
    pub token: Address,
    /// Whom it is for, on the other chain.
    pub to: Address,
    /// An amount of an ERC-20 in its smallest unit, or the id of an ERC-721.
    pub amount_or_id: U256,
    /// Gas of the delivery on the other chain. To L2 it is bought; if it does not suffice, the tokens wait as [`Undelivered`]. To L1
    /// it is what the call is promised at least.
    pub gas_limit: u64,
    /// If not empty, passed on to the recipient, a contract that has to accept it.
    pub data: Bytes,
}

/// A permit (ERC-2612) for a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The last second in which it holds, on the token's chain.
    pub deadline: U256,
    /// The owner's signature of what [`TokenGateways::deposit_permit_hash`] or [`TokenGateways::withdrawal_permit_hash`] says.
    pub signature: Signature,
}

/// Tokens on their way to L2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDeposit {
    /// The message that brings them.
    pub deposit: Deposit,
    /// The message before it that makes the token known on L2, if this was its first deposit.
    pub registration: Option<Deposit>,
    /// What crosses: the id, or the amount, which is less than what was sent if the token takes a fee.
    pub amount_or_id: U256,
}

/// Tokens on their way to L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWithdrawal {
    /// The message that brings them.
    pub withdrawal: Withdrawal,
    /// The message before it that makes the token known on L1, if this was its first withdrawal. Until it is executed, the other
    /// fails.
    pub registration: Option<Withdrawal>,
    /// The message after it that pays whoever executes it, if there is one.
    pub tip: Option<Withdrawal>,
    /// What crosses, as in [`TokenDeposit`].
    pub amount_or_id: U256,
}

impl TokenWithdrawal {
    /// All its messages, in the order in which they have to be executed.
    pub fn messages(&self) -> Vec<Withdrawal> {
        [self.registration.as_ref(), Some(&self.withdrawal), self.tip.as_ref()].into_iter().flatten().cloned().collect()
    }
}

/// Tokens that came to L2 and wait at the gateway, since their delivery failed: the recipient refused them, or the gas did not suffice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The call that failed, as the gateway knows it.
    pub delivery: L2TokenGateway::Delivery,
    /// What it gave as the reason, cut to 256 bytes; empty if its gas ran out.
    pub reason: Bytes,
}

impl Undelivered {
    /// What the gateway counts it by. Equal ones have the same.
    pub fn id(&self) -> B256 {
        keccak256(self.delivery.abi_encode())
    }
}

/// Where tokens on their way to L2 stand.
///
/// The gateway knows a failed delivery by a hash of its value, its gas and its call ([`Undelivered::id`]), and counts those of one
/// hash. So two that are equal in all of that share a status: while one of them waits both are
/// [`Undelivered`](Self::Undelivered), and if none waits and one was sent back since, both are [`SentBack`](Self::SentBack).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Their message was not executed yet: [`Client::inclusion`] says where it stands.
    Waiting,
    /// Their message was executed, and their delivery failed. Anyone may try it again; sender and recipient may send them back.
    Undelivered(Undelivered),
    /// They are on their way back to their sender, by a message to L1.
    SentBack,
    /// Their recipient has them.
    Delivered,
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Undelivered(_) => "undelivered",
            Self::SentBack => "sent-back",
            Self::Delivered => "delivered",
        })
    }
}

/// The gateways of both chains for one kind of tokens, for the account of a client.
#[derive(Clone, Copy, Debug)]
pub struct TokenGateways<'a, S, L1, L2> {
    client: &'a Client<L1, L2>,
    l1: Address,
    l2: Address,
    standard: PhantomData<S>,
}

impl<L1: Provider, L2: Provider> Client<L1, L2> {
    /// Moves ERC-20s.
    ///
    /// # Errors
    /// [`Error::NoGateways`] if the deployment has none.
    pub fn erc20(&self) -> Result<TokenGateways<'_, Erc20, L1, L2>, Error> {
        let Gateways { l1_token_gateway: l1, l2_token_gateway: l2, .. } = self.gateways()?;
        Ok(TokenGateways { client: self, l1: l1.address, l2: l2.address, standard: PhantomData })
    }

    /// Moves ERC-721s.
    ///
    /// # Errors
    /// [`Error::NoGateways`] if the deployment has none.
    pub fn erc721(&self) -> Result<TokenGateways<'_, Erc721, L1, L2>, Error> {
        let Gateways { l1_nft_gateway: l1, l2_nft_gateway: l2, .. } = self.gateways()?;
        Ok(TokenGateways { client: self, l1: l1.address, l2: l2.address, standard: PhantomData })
    }

    /// Pays whoever executes the message at `index` of the outbox on L1, in wei, by a message of its own. For anyone's message.
    ///
    /// # Errors
    /// If the deployment has no gateways, or the L2 cannot be reached.
    pub async fn tip(&self, index: u64, amount: U256) -> Result<Sent<Withdrawal>, Error> {
        let relay_tip = self.gateways()?.relay_tip.address;
        let pay = RelayTip::payTipCall { index }.abi_encode();
        self.initiate_withdrawal(relay_tip, amount, TIP_GAS_LIMIT, pay.into()).await
    }

    fn gateways(&self) -> Result<Gateways, Error> {
        self.deployment.gateways.ok_or(Error::NoGateways)
    }
}

impl<S: Standard, L1: Provider, L2: Provider> TokenGateways<'_, S, L1, L2> {
    /// The gateway on L1, for what there are no words for here. What both kinds have, they have in the same form.
    pub fn on_l1(&self) -> L1TokenGatewayInstance<&L1> {
        L1TokenGatewayInstance::new(self.l1, &self.client.l1)
    }

    /// The gateway on L2, likewise.
    pub fn on_l2(&self) -> L2TokenGatewayInstance<&L2> {
        L2TokenGatewayInstance::new(self.l2, &self.client.l2)
    }

    /// Where an L1 token's twin is on L2, or will be. Computed, so nobody is asked.
    pub fn twin_on_l2(&self, token: Address) -> Address {
        twin_of(self.l2, token)
    }

    /// Where an L2 token's twin is on L1, or will be. Likewise.
    pub fn twin_on_l1(&self, token: Address) -> Address {
        twin_of(self.l1, token)
    }

    /// What the L2 gas of a deposit costs now, its registration included if that is due.
    ///
    /// # Errors
    /// If L1 cannot be reached.
    pub async fn quote(&self, transfer: &TokenTransfer) -> Result<Quote, Error> {
        let quote = self.on_l1().quote(transfer.token, transfer.gas_limit).block(BlockId::pending()).call().await;
        Ok(Quote::of(quote.map_err(refused(S::l1_refusal))?))
    }

    /// Moves tokens to L2. If L1 is their home, the gateway there must have been approved. Allows a quarter more than L2 gas
    /// costs now; what is not needed comes back.
    ///
    /// # Errors
    /// If the gateway, the token or the bridge refuses, each in its own words, or L1 cannot be reached.
    pub async fn deposit(&self, transfer: TokenTransfer) -> Result<Sent<TokenDeposit>, Error> {
        let Quote { max_fee, .. } = self.quote(&transfer).await?;
        let TokenTransfer { token, to, amount_or_id, gas_limit, data } = transfer;
        let gateway = self.on_l1();
        let deposit = gateway.deposit(token, to, amount_or_id, gas_limit, max_fee, data);
        let receipt = self.client.send(deposit.value(max_fee), S::l1_refusal).await?;
        Ok(Sent { state: self.deposited(&receipt)?, receipt })
    }

    /// Moves tokens to L1. If L2 is their home, the gateway there must have been approved. `tip`, in wei, is for whoever executes the
    /// message on L1; with a token's first withdrawal also for the registration before it.
    ///
    /// # Errors
    /// If the gateway, the token or the outbox refuses, each in its own words, or the L2 cannot be reached.
    pub async fn withdraw(&self, transfer: TokenTransfer, tip: U256) -> Result<Sent<TokenWithdrawal>, Error> {
        let TokenTransfer { token, to, amount_or_id, gas_limit, data } = transfer;
        let gateway = self.on_l2();
        let withdraw = gateway.withdraw(token, to, amount_or_id, gas_limit, data);
        let receipt = self.client.send(withdraw.value(tip), S::l2_refusal).await?;
        Ok(Sent { state: self.withdrawn(&receipt)?, receipt })
    }

    /// The same withdrawal as a message from L1, for [`Client::send_to_l2`]: the way out of a user whom the sequencer ignores. `tip` is
    /// taken from the user's L2 balance.
    pub fn forced_withdrawal(&self, transfer: TokenTransfer, tip: U256) -> L2Call {
        let TokenTransfer { token, to, amount_or_id, gas_limit: gas, data } = transfer;
        let call = L2TokenGateway::withdrawCall { token, to, amountOrId: amount_or_id, gasLimit: gas, data };
        let data = Bytes::from(call.abi_encode());
        let gas_limit = minimum_gas_limit(data.len()) + FORCED_WITHDRAWAL_GAS;
        L2Call { target: self.l2, mint: U256::ZERO, value: tip, gas_limit, data }
    }

    /// The tokens that an L1 transaction sent to L2; of several, the last.
    ///
    /// # Errors
    /// [`Error::NoEvent`] if it sent none.
    pub fn deposited(&self, receipt: &TransactionReceipt) -> Result<TokenDeposit, Error> {
        let none = || Error::NoEvent { transaction: receipt.transaction_hash, contract: self.l1 };
        let sent = last_event::<L1TokenGateway::TokensSent>(receipt.logs(), self.l1).ok_or_else(none)?;
        let registered = last_event::<L1TokenGateway::TokenRegistered>(receipt.logs(), self.l1);
        let deposits = self.client.deposits(receipt);
        let at = |index| deposits.iter().find(|deposit| deposit.message.index == index).cloned();
        let registration = registered.filter(|registered| registered.token == sent.token);
        Ok(TokenDeposit {
            deposit: at(sent.index).ok_or_else(none)?,
            registration: registration.and_then(|registered| at(registered.index)),
            amount_or_id: sent.amountOrId,
        })
    }

    /// The tokens that an L2 transaction sent to L1; of several, the last. Also those of a forced withdrawal, whose receipt
    /// [`Client::wait_for_deposit`] returns.
    ///
    /// # Errors
    /// [`Error::NoEvent`] if it sent none.
    pub fn withdrawn<R: TxReceipt<Log = Log>>(
        &self,
        receipt: &TransactionReceipt<R>,
    ) -> Result<TokenWithdrawal, Error> {
        let none = || Error::NoEvent { transaction: receipt.transaction_hash, contract: self.l2 };
        let sent = last_event::<L2TokenGateway::TokensSent>(receipt.logs(), self.l2).ok_or_else(none)?;
        let registered = last_event::<L2TokenGateway::TokenRegistered>(receipt.logs(), self.l2);
        let messages = withdrawals(receipt);
        let at = |index| messages.iter().find(|withdrawal| withdrawal.message.index == index).cloned();
        let registration = registered.filter(|registered| registered.token == sent.token);
        let relay_tip = self.client.gateways()?.relay_tip.address;
        let tip = RelayTip::payTipCall { index: sent.index }.abi_encode();
        Ok(TokenWithdrawal {
            withdrawal: at(sent.index).ok_or_else(none)?,
            registration: registration.and_then(|registered| at(registered.index)),
            tip: messages
                .iter()
                .find(|withdrawal| withdrawal.message.target == relay_tip && withdrawal.message.data == tip)
                .cloned(),
            amount_or_id: sent.amountOrId,
        })
    }

    /// Where tokens on their way to L2 stand. Of deliveries that are equal in all that the gateway keeps of them it is told how many
    /// wait, not which.
    ///
    /// # Errors
    /// If the L2 cannot be reached.
    pub async fn delivery_status(&self, deposit: &TokenDeposit) -> Result<DeliveryStatus, Error> {
        let params = (deposit.deposit.transaction_hash,);
        match self.client.ask::<Option<AnyTransactionReceipt>>("eth_getTransactionReceipt", params).await? {
            Some(receipt) => self.outcome(&receipt).await,
            None => Ok(DeliveryStatus::Waiting),
        }
    }

    /// Waits until the message of a deposit was executed on L2, and says what became of the tokens.
    ///
    /// # Errors
    /// [`Error::Timeout`] if that takes longer than `timeout`.
    pub async fn wait_for_delivery(&self, deposit: &TokenDeposit, timeout: Duration) -> Result<DeliveryStatus, Error> {
        let receipt = self.client.wait_for_deposit(&deposit.deposit, timeout).await?;
        self.outcome(&receipt).await
    }

    /// Tries a failed delivery again. Anyone may.
    ///
    /// # Errors
    /// If it fails again, or the L2 cannot be reached.
    pub async fn redeliver(&self, undelivered: &Undelivered) -> Result<TransactionReceipt, Error> {
        self.client.send(self.on_l2().redeliver(undelivered.delivery.clone()), S::l2_refusal).await
    }

    /// Sends tokens whose delivery failed back to their sender on L1. Sender and recipient may.
    ///
    /// # Errors
    /// If this client's account is neither, if they do not wait any more, or the L2 cannot be reached.
    pub async fn send_back(&self, undelivered: &Undelivered) -> Result<Sent<Withdrawal>, Error> {
        let receipt = self.client.send(self.on_l2().sendBack(undelivered.delivery.clone()), S::l2_refusal).await?;
        match withdrawals(&receipt).pop() {
            Some(state) => Ok(Sent { state, receipt }),
            None => Err(Error::NoEvent { transaction: receipt.transaction_hash, contract: self.l2 }),
        }
    }

    /// What became of the tokens whose message has this receipt.
    async fn outcome(&self, receipt: &AnyTransactionReceipt) -> Result<DeliveryStatus, Error> {
        let logs = receipt.logs();
        let Some(failed) = last_event::<L2TokenGateway::DeliveryFailed>(logs, self.l2) else {
            return match last_event::<L2TokenGateway::TokensReceived>(logs, self.l2) {
                Some(_) => Ok(DeliveryStatus::Delivered),
                None => Err(Error::NoEvent { transaction: receipt.transaction_hash, contract: self.l2 }),
            };
        };
        let gateway = self.on_l2();
        let refused = refused(S::l2_refusal);
        if !gateway.undelivered(failed.id).call().await.map_err(&refused)?.is_zero() {
            return Ok(DeliveryStatus::Undelivered(Undelivered { delivery: failed.delivery, reason: failed.reason }));
        }
        let head = self.client.l2.get_block_number().await?;
        for (from, to) in pages(receipt.block_number.unwrap_or_default(), head) {
            let back = gateway.SentBack_filter().topic1(failed.id).from_block(from).to_block(to);
            if !back.query().await.map_err(&refused)?.is_empty() {
                return Ok(DeliveryStatus::SentBack);
            }
        }
        Ok(DeliveryStatus::Delivered)
    }
}

/// Where a gateway's twin of the other chain's token is, or will be: a clone (ERC-1167) of the contract that the gateway created
/// first, by CREATE2, the token being the salt.
pub fn twin_of(gateway: Address, token: Address) -> Address {
    const BEFORE: [u8; 20] = hex!("3d602d80600a3d3981f3363d3d373d3d3d363d73");
    const AFTER: [u8; 15] = hex!("5af43d82803e903d91602b57fd5bf3");
    let implementation = gateway.create(1);
    let init_code = [&BEFORE[..], implementation.as_slice(), &AFTER].concat();
    gateway.create2_from_code(token.into_word(), init_code)
}

/// The blocks from `first` to `last`, as many at a time as a node of the L2 searches for logs.
fn pages(first: u64, last: u64) -> impl Iterator<Item = (u64, u64)> {
    const BLOCKS: u64 = 10_000;
    let begins = (first..=last).step_by(BLOCKS as usize);
    begins.map(move |from| (from, last.min(from + (BLOCKS - 1))))
}

impl<L1: Provider, L2: Provider> TokenGateways<'_, Erc20, L1, L2> {
    /// What `owner` signs to permit the gateway on L1 to take `amount` of a token whose home is L1.
    ///
    /// # Errors
    /// If the token has no permits, or L1 cannot be reached.
    pub async fn deposit_permit_hash(
        &self,
        token: Address,
        owner: Address,
        amount: U256,
        deadline: U256,
    ) -> Result<B256, Error> {
        permit_hash(&self.client.l1, token, owner, self.l1, amount, deadline).await
    }

    /// What `owner` signs to permit the gateway on L2 to take `amount` of a token whose home is L2.
    ///
    /// # Errors
    /// If the token has no permits, or the L2 cannot be reached.
    pub async fn withdrawal_permit_hash(
        &self,
        token: Address,
        owner: Address,
        amount: U256,
        deadline: U256,
    ) -> Result<B256, Error> {
        permit_hash(&self.client.l2, token, owner, self.l2, amount, deadline).await
    }

    /// [`deposit`](Self::deposit) with a permit, in one transaction.
    ///
    /// # Errors
    /// As `deposit`. A permit that does not hold shows as a lack of allowance.
    pub async fn deposit_with_permit(
        &self,
        transfer: TokenTransfer,
        permit: Permit,
    ) -> Result<Sent<TokenDeposit>, Error> {
        let Quote { max_fee, .. } = self.quote(&transfer).await?;
        let TokenTransfer { token, to, amount_or_id, gas_limit, data } = transfer;
        let (deadline, (v, r, s)) = (permit.deadline, parts(permit.signature));
        let gateway = self.on_l1();
        let deposit = gateway.depositWithPermit(token, to, amount_or_id, gas_limit, max_fee, data, deadline, v, r, s);
        let receipt = self.client.send(deposit.value(max_fee), Erc20::l1_refusal).await?;
        Ok(Sent { state: self.deposited(&receipt)?, receipt })
    }

    /// [`withdraw`](Self::withdraw) with a permit, in one transaction.
    ///
    /// # Errors
    /// As `withdraw`. A permit that does not hold shows as a lack of allowance.
    pub async fn withdraw_with_permit(
        &self,
        transfer: TokenTransfer,
        tip: U256,
        permit: Permit,
    ) -> Result<Sent<TokenWithdrawal>, Error> {
        let TokenTransfer { token, to, amount_or_id, gas_limit, data } = transfer;
        let (deadline, (v, r, s)) = (permit.deadline, parts(permit.signature));
        let gateway = self.on_l2();
        let withdraw = gateway.withdrawWithPermit(token, to, amount_or_id, gas_limit, data, deadline, v, r, s);
        let receipt = self.client.send(withdraw.value(tip), Erc20::l2_refusal).await?;
        Ok(Sent { state: self.withdrawn(&receipt)?, receipt })
    }
}

/// EIP-712 hash of a permit. The domain is the token's own word: a token that lies about it gets a signature with which only the
/// gateway could do something, and that takes nothing but its caller's.
async fn permit_hash(
    chain: &impl Provider,
    token: Address,
    owner: Address,
    spender: Address,
    amount: U256,
    deadline: U256,
) -> Result<B256, Error> {
    let refused = refused(Refusal::Token);
    let token = BridgedToken::new(token, chain);
    let nonce = token.nonces(owner).call().await.map_err(&refused)?;
    let domain = token.DOMAIN_SEPARATOR().call().await.map_err(&refused)?;
    let typehash = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    let permit = keccak256((typehash, owner, spender, amount, nonce, deadline).abi_encode());
    Ok(keccak256([b"\x19\x01", domain.as_slice(), permit.as_slice()].concat()))
}

/// A signature as contracts take it: `v` is 27 or 28.
fn parts(signature: Signature) -> (u8, B256, B256) {
    (27 + u8::from(signature.v()), signature.r().into(), signature.s().into())
}

/// The last event of its kind that a contract made.
fn last_event<E: SolEvent>(logs: &[Log], contract: Address) -> Option<E> {
    let logs = logs.iter().rev().filter(|log| log.address() == contract);
    logs.filter_map(|log| log.log_decode_validate::<E>().ok()).map(|event| event.inner.data).next()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use alloy::{
        primitives::{Bloom, Log as LogContent},
        providers::{DynProvider, ProviderBuilder, mock::Asserter},
    };
    use postern_bindings::FastExit::Claim;
    use postern_protocol::message::{Message, QueuedMessage};
    use serde_json::{Value, json};

    use super::*;
    use crate::{Deployment, deployment::Contract};

    const GATEWAY: Address = Address::repeat_byte(0x6a);
    const TOKEN: Address = Address::repeat_byte(0x70);
    const TRANSACTION: B256 = B256::repeat_byte(0x7a);

    fn log(contract: Address, event: &impl SolEvent) -> Log {
        let inner = LogContent { address: contract, data: event.encode_log_data() };
        Log { inner, ..Log::default() }
    }

    fn sent(index: u64) -> L2TokenGateway::TokensSent {
        let (from, to) = (Address::repeat_byte(1), Address::repeat_byte(2));
        L2TokenGateway::TokensSent { token: TOKEN, from, to, amountOrId: U256::ONE, index, data: Bytes::new() }
    }

    fn withdrawal(index: u64) -> Withdrawal {
        let (sender, target, value, gas_limit, data) = (GATEWAY, TOKEN, U256::ZERO, 0, Bytes::new());
        Withdrawal { message: Message { index, sender, target, value, gas_limit, data }, block_number: 1 }
    }

    fn address(name: &str) -> Address {
        Address::from_word(keccak256(name))
    }

    fn twins() -> [Value; 4] {
        [
            ("L1TokenGateway", address("token")),
            ("L2TokenGateway", Address::ZERO),
            ("L1NFTGateway", address("collection")),
            ("L2NFTGateway", Address::repeat_byte(0xff)),
        ]
        .map(|(kind, token)| {
            let deployer = address(kind);
            let gateway = deployer.create(0);
            json!({
                "kind": kind,
                "deployer": deployer.to_string(),
                "gateway": gateway.to_string(),
                "token": token.to_string(),
                "twin": twin_of(gateway, token).to_string(),
            })
        })
    }

    fn deliveries() -> [Value; 3] {
        [
            (U256::ZERO, 0, Bytes::new()),
            (U256::from(7), 500_000, Bytes::from_static(&[0x12, 0x34])),
            (U256::MAX, u64::MAX, keccak256("call").into()),
        ]
        .map(|(value, gas_limit, call)| {
            let delivery = L2TokenGateway::Delivery { value, gasLimit: gas_limit, call: call.clone() };
            json!({
                "value": value.to_string(),
                "gasLimit": gas_limit.to_string(),
                "call": call.to_string(),
                "id": Undelivered { delivery, reason: Bytes::new() }.id().to_string(),
            })
        })
    }

    fn claims() -> [Value; 3] {
        let (sender, token, recipient) = (address("sender"), address("token"), address("recipient"));
        let (amount, fee, deadline) = (U256::from(1_000_000), U256::from(3), 1_700_000_000);
        let ordinary = Claim { sender, token, amount, recipient, fee, deadline, salt: keccak256("salt") };
        let of_eth = Claim { token: Address::ZERO, salt: B256::ZERO, ..ordinary.clone() };
        let largest = Claim { amount: U256::MAX, fee: U256::MAX, deadline: u64::MAX, ..ordinary.clone() };
        [ordinary, of_eth, largest].map(|claim| {
            json!({
                "sender": claim.sender.to_string(),
                "token": claim.token.to_string(),
                "amount": claim.amount.to_string(),
                "recipient": claim.recipient.to_string(),
                "fee": claim.fee.to_string(),
                "deadline": claim.deadline.to_string(),
                "salt": claim.salt.to_string(),
                "id": keccak256(claim.abi_encode()).to_string(),
            })
        })
    }

    /// `contracts/test/vectors/gateways.json`: what `contracts/test/Vectors.t.sol` computes too. As with the other vectors,
    /// `UPDATE_VECTORS=1` writes the file.
    #[test]
    fn hashes_are_those_of_the_contracts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contracts/test/vectors/gateways.json");
        let vectors = json!({ "twins": twins(), "deliveries": deliveries(), "claims": claims() });
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            fs::write(path, format!("{vectors:#}\n")).unwrap();
        }
        let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(committed == vectors, "gateways.json is stale: run with UPDATE_VECTORS=1");
    }

    /// A node answers for 10,000 blocks at most, and a contract has its tokens sent back after a week.
    #[test]
    fn logs_are_searched_as_far_as_a_node_does_at_once() {
        assert_eq!(pages(5, 5).collect::<Vec<_>>(), [(5, 5)]);
        assert_eq!(pages(5, 10_004).collect::<Vec<_>>(), [(5, 10_004)]);
        assert_eq!(pages(5, 20_005).collect::<Vec<_>>(), [(5, 10_004), (10_005, 20_004), (20_005, 20_005)]);
        assert_eq!(pages(6, 5).count(), 0);
    }

    #[test]
    fn the_last_event_of_the_right_contract_counts() {
        let other = Address::repeat_byte(0x66);
        let logs = [log(GATEWAY, &sent(1)), log(GATEWAY, &sent(2)), log(other, &sent(3))];
        let last = last_event::<L2TokenGateway::TokensSent>(&logs, GATEWAY).unwrap();
        assert_eq!(last.index, 2);
        assert_eq!(last_event::<L2TokenGateway::TokenRegistered>(&logs, GATEWAY), None);
    }

    /// A client whose L2 node answers this, in turn.
    fn client(answers: impl IntoIterator<Item = Value>) -> Client<DynProvider, DynProvider> {
        let node = Asserter::new();
        answers.into_iter().for_each(|answer| node.push_success(&answer));
        let [l1, l2] = [Asserter::new(), node].map(|node| ProviderBuilder::new().connect_mocked_client(node).erased());
        let at = |address| Contract { address, implementation: None, block_number: 0 };
        let (gateway, other) = (at(GATEWAY), at(Address::ZERO));
        let gateways = Gateways {
            l1_token_gateway: gateway,
            l2_token_gateway: gateway,
            l1_nft_gateway: gateway,
            l2_nft_gateway: gateway,
            l1_erc7786_gateway: other,
            l2_erc7786_gateway: other,
            fast_exit: other,
            l2_state_reader: other,
            relay_tip: other,
        };
        let deployment = Deployment {
            bridge: other,
            canonical_transaction_chain: other,
            state_commitment_chain: other,
            dispute_game: other,
            timelock: other,
            gateways: Some(gateways),
        };
        Client::new(l1, l2, deployment)
    }

    /// The receipt of the message that brought tokens, with these events, as a node gives it.
    fn receipt(logs: &[Log]) -> Value {
        json!({
            "transactionHash": TRANSACTION,
            "transactionIndex": "0x1",
            "blockHash": B256::ZERO,
            "blockNumber": "0x5",
            "from": GATEWAY,
            "to": GATEWAY,
            "contractAddress": null,
            "type": "0x2",
            "status": "0x1",
            "cumulativeGasUsed": "0x0",
            "gasUsed": "0x0",
            "effectiveGasPrice": "0x0",
            "logsBloom": Bloom::ZERO,
            "logs": logs,
        })
    }

    /// What becomes of a deposit, by what the L2 node answers.
    async fn status<S: Standard>(
        gateways: &TokenGateways<'_, S, DynProvider, DynProvider>,
    ) -> Result<DeliveryStatus, Error> {
        let message = QueuedMessage {
            index: 0,
            sender: GATEWAY,
            target: GATEWAY,
            mint: U256::ZERO,
            value: U256::ZERO,
            gas_limit: 0,
            fee: U256::ZERO,
            data: Bytes::new(),
        };
        let deposit = Deposit { message, place: 0, transaction_hash: TRANSACTION };
        gateways.delivery_status(&TokenDeposit { deposit, registration: None, amount_or_id: U256::ONE }).await
    }

    #[tokio::test]
    async fn a_delivery_stands_where_the_gateway_says() {
        let delivery = L2TokenGateway::Delivery { value: U256::ZERO, gasLimit: 500_000, call: Bytes::new() };
        let waiting = Undelivered { delivery: delivery.clone(), reason: Bytes::from_static(b"not today") };
        let (id, reason) = (waiting.id(), waiting.reason.clone());
        let (from, to, none) = (Address::repeat_byte(1), Address::repeat_byte(2), json!([]));
        let received =
            L2TokenGateway::TokensReceived { token: TOKEN, from, to, amountOrId: U256::ONE, data: Bytes::new() };
        let received = receipt(&[log(GATEWAY, &received)]);
        let failed = receipt(&[log(GATEWAY, &L2TokenGateway::DeliveryFailed { id, delivery, reason })]);
        let back = json!([log(GATEWAY, &L2TokenGateway::SentBack { id, index: 3 })]);
        let (one_waits, none_waits, head) = (json!(B256::with_last_byte(1)), json!(B256::ZERO), json!("0x5"));
        for (answers, expected, word) in [
            (vec![Value::Null], DeliveryStatus::Waiting, "waiting"),
            (vec![received], DeliveryStatus::Delivered, "delivered"),
            (vec![failed.clone(), one_waits], DeliveryStatus::Undelivered(waiting), "undelivered"),
            (vec![failed.clone(), none_waits.clone(), head.clone(), back], DeliveryStatus::SentBack, "sent-back"),
            (vec![failed, none_waits, head, none], DeliveryStatus::Delivered, "delivered"),
        ] {
            assert_eq!(expected.to_string(), word);
            for found in [
                status(&client(answers.clone()).erc20().unwrap()).await,
                status(&client(answers).erc721().unwrap()).await,
            ] {
                assert_eq!(found.unwrap(), expected);
            }
        }
    }

    /// So it is when the deployment's files are those of another chain.
    #[tokio::test]
    async fn a_receipt_without_an_event_of_the_gateway_is_an_error() {
        let sent_by_another = receipt(&[log(TOKEN, &sent(1))]);
        let missing = |error| matches!(error, Error::NoEvent { transaction, contract } if (transaction, contract) == (TRANSACTION, GATEWAY));
        let client = client([sent_by_another.clone()]);
        let tokens = client.erc20().unwrap();
        assert!(missing(status(&tokens).await.unwrap_err()));
        let receipt: TransactionReceipt = serde_json::from_value(sent_by_another).unwrap();
        assert!(missing(tokens.deposited(&receipt).unwrap_err()));
        assert!(missing(tokens.withdrawn(&receipt).unwrap_err()));
    }

    #[test]
    fn messages_are_in_the_order_of_their_execution() {
        let mut tokens = TokenWithdrawal {
            withdrawal: withdrawal(5),
            registration: Some(withdrawal(4)),
            tip: Some(withdrawal(6)),
            amount_or_id: U256::ONE,
        };
        assert_eq!(tokens.messages(), [withdrawal(4), withdrawal(5), withdrawal(6)]);
        (tokens.registration, tokens.tip) = (None, None);
        assert_eq!(tokens.messages(), [withdrawal(5)]);
    }

    #[test]
    fn a_signature_is_given_as_contracts_take_it() {
        let (r, s) = (U256::from(3), U256::from(4));
        assert_eq!(parts(Signature::new(r, s, false)), (27, r.into(), s.into()));
        assert_eq!(parts(Signature::new(r, s, true)), (28, r.into(), s.into()));
    }
}
