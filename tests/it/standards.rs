//! ERC-7786 over the bridge: OpenZeppelin's own applications, which know nothing of Postern, from either chain to the other.

use alloy::{
    network::AnyTransactionReceipt,
    primitives::{Address, B256, Bytes, U256},
    providers::{DynProvider, Provider},
    rpc::types::{Log, TransactionReceipt},
    sol,
    sol_types::{SolCall, SolError, SolEvent, SolValue},
};
use eyre::{OptionExt, Result};
use postern_bindings::{Bridge, L1ERC7786Gateway, L2ERC7786Gateway};
use postern_client::withdrawals;
use postern_tests::{Actor, Client, Devnet, L2_CHAIN_ID, Mined, PATIENCE, Roles, ether, expect_revert, targets::Token};
use rstest::rstest;

sol! {
    /// Either of OpenZeppelin's bridges for an ERC-20.
    #[sol(rpc)]
    contract CrosschainBridge {
        function crosschainTransfer(bytes to, uint256 amount) external returns (bytes32);
    }

    /// A recipient that keeps what it receives.
    #[sol(rpc)]
    contract Inbox {
        #[derive(Debug, PartialEq, Eq)]
        error Closed();

        function setOpen(bool open) external;
        function count() external view returns (uint256);
        function lastId() external view returns (bytes32);
        function lastSender() external view returns (bytes);
        function lastPayload() external view returns (bytes);
        function lastValue() external view returns (uint256);
    }

    /// What an ERC-7786 recipient says of somebody else's message.
    #[derive(Debug, PartialEq, Eq)]
    error ERC7786RecipientUnauthorizedGateway(address gateway, bytes sender);

    /// With which attribute a message goes at once.
    function requestRelay(uint256 value, uint256 gasLimit, address refundRecipient) external;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    L1,
    L2,
}

impl Chain {
    const fn other(self) -> Self {
        match self {
            Self::L1 => Self::L2,
            Self::L2 => Self::L1,
        }
    }
}

/// A devnet with actors that have ETH on both chains.
struct Scene {
    devnet: Devnet,
    l1_chain_id: u64,
}

/// What became of a message on the other chain.
#[derive(Debug)]
enum Arrival {
    /// By this transaction's events.
    Received { id: B256, sender: Address, recipient: Address },
    /// On L1: why the claim fails. On L2: what waits, and why.
    Refused { reason: Bytes, delivery: Option<L2ERC7786Gateway::Delivery> },
}

impl Scene {
    async fn new() -> Result<Self> {
        let devnet = Devnet::with_gateways(Roles::OPERATOR).await?;
        for actor in [Actor::Alice, Actor::Bob, Actor::Mallory, Actor::Stranger] {
            devnet.fund(actor, ether(2)).await?;
        }
        let l1_chain_id = devnet.l1().get_chain_id().await?;
        Ok(Self { devnet, l1_chain_id })
    }

    fn on(&self, chain: Chain, actor: Actor) -> DynProvider {
        let client = self.devnet.client(actor);
        match chain {
            Chain::L1 => client.l1().clone(),
            Chain::L2 => client.l2().clone(),
        }
    }

    const fn chain_id(&self, chain: Chain) -> u64 {
        match chain {
            Chain::L1 => self.l1_chain_id,
            Chain::L2 => L2_CHAIN_ID,
        }
    }

    fn gateway(&self, chain: Chain) -> Address {
        let gateways = self.devnet.gateways();
        match chain {
            Chain::L1 => gateways.l1_erc7786_gateway.address,
            Chain::L2 => gateways.l2_erc7786_gateway.address,
        }
    }

    /// An account as ERC-7930 writes it: version 1, EVM, the chain's id without leading zeros, the address.
    fn interoperable(&self, chain: Chain, account: Address) -> Bytes {
        let id = self.chain_id(chain).to_be_bytes();
        let id = &id[id.iter().take_while(|byte| **byte == 0).count()..];
        [&[0, 1, 0, 0, id.len() as u8], id, &[20], account.as_slice()].concat().into()
    }

    /// The address of the contract that an actor creates after so many more transactions.
    async fn next_contract(&self, chain: Chain, actor: Actor, transactions: u64) -> Result<Address> {
        let account = self.devnet.address(actor);
        let nonce = self.on(chain, actor).get_transaction_count(account).await?;
        Ok(account.create(nonce + transactions))
    }

    /// An actor's own message. `attributes` as the standard has them.
    async fn send(
        &self,
        from: Chain,
        actor: Actor,
        recipient: Address,
        payload: Bytes,
        value: U256,
        attributes: Vec<Bytes>,
    ) -> Result<TransactionReceipt> {
        // The same function on both chains.
        let gateway = L1ERC7786Gateway::new(self.gateway(from), self.on(from, actor));
        let recipient = self.interoperable(from.other(), recipient);
        let receipt = gateway.sendMessage(recipient, payload, attributes).value(value).send().await?.mined().await?;
        assert!(receipt.status());
        Ok(receipt)
    }

    /// Brings the message that a transaction sent to the other chain, by strangers.
    async fn relay(&self, from: Chain, receipt: &TransactionReceipt) -> Result<Arrival> {
        let stranger = self.devnet.client(Actor::Stranger);
        match from {
            Chain::L1 => self.relay_to_l2(&stranger, receipt).await,
            Chain::L2 => self.relay_to_l1(&stranger, receipt).await,
        }
    }

    async fn relay_to_l2(&self, stranger: &Client, receipt: &TransactionReceipt) -> Result<Arrival> {
        let gateway = L1ERC7786Gateway::new(self.gateway(Chain::L1), stranger.l1());
        let sent: L1ERC7786Gateway::MessageSent =
            event(receipt.logs(), *gateway.address()).ok_or_eyre("nothing sent")?;
        let deposit = if sent.sendId.is_zero() {
            stranger.deposits(receipt).pop()
        } else {
            // It waits until somebody pays for its gas on L2.
            assert!(stranger.deposits(receipt).is_empty());
            assert!(gateway.isPending(sent.sendId).call().await?);
            let message = L1ERC7786Gateway::PendingMessage {
                sender: account_of(&sent.sender),
                recipient: account_of(&sent.recipient),
                value: sent.value,
                payload: sent.payload.clone(),
            };
            let gas_limit = gateway.DEFAULT_GAS_LIMIT().call().await?;
            let fee = gateway.quote(U256::from(sent.payload.len()), gas_limit).call().await? * U256::from(2);
            let request = gateway.requestRelay(sent.sendId, message.clone(), gas_limit, fee).value(fee);
            let receipt = request.send().await?.mined().await?;
            assert!(receipt.status());
            let again = gateway.requestRelay(sent.sendId, message, gas_limit, fee).value(fee);
            expect_revert::<L1ERC7786Gateway::MessageNotPending>(again.call().await);
            stranger.deposits(&receipt).pop()
        };
        let deposit = deposit.ok_or_eyre("nothing was queued")?;
        let receipt = stranger.wait_for_deposit(&deposit, PATIENCE).await?;
        self.arrival_on_l2(&receipt)
    }

    fn arrival_on_l2(&self, receipt: &AnyTransactionReceipt) -> Result<Arrival> {
        let gateway = self.gateway(Chain::L2);
        if let Some(failed) = event::<L2ERC7786Gateway::DeliveryFailed>(receipt.logs(), gateway) {
            return Ok(Arrival::Refused { reason: failed.reason, delivery: Some(failed.delivery) });
        }
        received(receipt.logs(), gateway)
    }

    async fn relay_to_l1(&self, stranger: &Client, receipt: &TransactionReceipt) -> Result<Arrival> {
        let withdrawal = withdrawals(receipt).pop().ok_or_eyre("nothing is in the outbox")?;
        let executable = self.devnet.executable(&withdrawal).await?;
        match stranger.execute(&executable).await {
            Ok(receipt) => received(receipt.logs(), self.gateway(Chain::L1)),
            failed => {
                let error = expect_revert::<Bridge::MessageCallFailed>(failed);
                Ok(Arrival::Refused { reason: error.reason, delivery: None })
            }
        }
    }
}

impl Arrival {
    /// Its id, if this sender's message came to this recipient.
    #[track_caller]
    fn received(self, from: Address, to: Address) -> B256 {
        match self {
            Self::Received { id, sender, recipient } => {
                assert_eq!((sender, recipient), (from, to));
                id
            }
            refused => panic!("{refused:?}"),
        }
    }

    /// That the recipient refused with this error, and what waits on L2.
    #[track_caller]
    fn refused<E: SolError>(self) -> (E, Option<L2ERC7786Gateway::Delivery>) {
        match self {
            Self::Refused { reason, delivery } => (expect_revert::<E>(Err::<(), _>(reason)), delivery),
            received => panic!("{received:?}"),
        }
    }
}

/// The first event of its kind that a contract made.
fn event<E: SolEvent>(logs: &[Log], contract: Address) -> Option<E> {
    let mut logs = logs.iter().filter(|log| log.address() == contract);
    logs.find_map(|log| Some(log.log_decode_validate::<E>().ok()?.inner.data))
}

/// The event is the same on both chains.
fn received(logs: &[Log], gateway: Address) -> Result<Arrival> {
    let event: L1ERC7786Gateway::MessageReceived = event(logs, gateway).ok_or_eyre("no message was received")?;
    Ok(Arrival::Received { id: event.receiveId, sender: event.sender, recipient: event.recipient })
}

/// The account of an interoperable address: its last twenty bytes.
fn account_of(interoperable: &Bytes) -> Address {
    Address::from_slice(&interoperable[interoperable.len() - 20..])
}

/// A token that is locked by OpenZeppelin's `BridgeERC20` on its home chain, and minted by `BridgeERC7802` on the other.
#[rstest]
#[case::of_l1(Chain::L1)]
#[case::of_l2(Chain::L2)]
#[tokio::test]
async fn a_token_by_openzeppelins_bridges(#[case] home: Chain) -> Result<()> {
    let scene = Scene::new().await?;
    let (devnet, away) = (&scene.devnet, home.other());
    let (at_home, abroad) = (scene.on(home, Actor::Alice), scene.on(away, Actor::Alice));
    let (alice, bob) = (devnet.address(Actor::Alice), devnet.address(Actor::Bob));

    let token = devnet.token(&at_home, Actor::Alice, U256::from(1000)).await?;
    let locking = scene.next_contract(home, Actor::Alice, 0).await?;
    // After the token that it mints.
    let minting = scene.next_contract(away, Actor::Alice, 1).await?;
    let counterpart = (scene.gateway(home), U256::from(scene.chain_id(away)), minting);
    let arguments = (*token.address(), counterpart.0, counterpart.1, counterpart.2);
    assert_eq!(devnet.deploy(&at_home, "LockingBridge", arguments).await?, locking);
    let twin = devnet.deploy(&abroad, "CrosschainToken", (minting,)).await?;
    let counterpart = (twin, scene.gateway(away), U256::from(scene.chain_id(home)), locking);
    assert_eq!(devnet.deploy(&abroad, "MintingBridge", counterpart).await?, minting);
    let twin = Token::new(twin, &abroad);

    // There.
    token.approve(locking, U256::MAX).send().await?.mined().await?;
    let bridge = CrosschainBridge::new(locking, &at_home);
    let transfer = bridge.crosschainTransfer(scene.interoperable(away, bob), U256::from(100));
    let receipt = transfer.send().await?.mined().await?;
    assert_eq!(token.balanceOf(locking).call().await?, U256::from(100));
    assert_eq!(twin.totalSupply().call().await?, U256::ZERO);
    scene.relay(home, &receipt).await?.received(locking, minting);
    assert_eq!(twin.balanceOf(bob).call().await?, U256::from(100));

    // And back: a burn needs no approval.
    let bridge = CrosschainBridge::new(minting, scene.on(away, Actor::Bob));
    let transfer = bridge.crosschainTransfer(scene.interoperable(home, alice), U256::from(40));
    let receipt = transfer.send().await?.mined().await?;
    assert_eq!(twin.totalSupply().call().await?, U256::from(60));
    scene.relay(away, &receipt).await?.received(minting, locking);
    assert_eq!(token.balanceOf(alice).call().await?, U256::from(940));
    assert_eq!(token.balanceOf(locking).call().await?, twin.totalSupply().call().await?);

    // The same words, from one who is not the counterpart.
    let theft = (scene.interoperable(away, bob), Bytes::copy_from_slice(bob.as_slice()), U256::from(60));
    let payload = Bytes::from(theft.abi_encode_params());
    let receipt = scene.send(away, Actor::Mallory, locking, payload, U256::ZERO, vec![]).await?;
    let (error, _) = scene.relay(away, &receipt).await?.refused::<ERC7786RecipientUnauthorizedGateway>();
    let mallory = scene.interoperable(away, devnet.address(Actor::Mallory));
    assert_eq!((error.gateway, error.sender), (scene.gateway(home), mallory));
    assert_eq!(token.balanceOf(locking).call().await?, U256::from(60));
    Ok(())
}

/// OpenZeppelin's `CrosschainRemoteExecutor` moves what it has for its controller on the other chain, and for nobody else.
#[rstest]
#[case::on_l2(Chain::L2)]
#[case::on_l1(Chain::L1)]
#[tokio::test]
async fn a_remote_executor(#[case] on: Chain) -> Result<()> {
    let scene = Scene::new().await?;
    let (devnet, from) = (&scene.devnet, on.other());
    let provider = scene.on(on, Actor::Stranger);
    let (alice, bob) = (devnet.address(Actor::Alice), devnet.address(Actor::Bob));
    let controller = (scene.gateway(on), U256::from(scene.chain_id(from)), alice);
    let executor = devnet.deploy(&provider, "RemoteExecutor", controller).await?;
    let token = devnet.token(&provider, Actor::Bob, U256::ZERO).await?;
    token.mint(executor, U256::from(10)).send().await?.mined().await?;

    // ERC-7579's execution: the mode, here a single call that must succeed, then whom to call, with what ETH and what data.
    let transfer = Token::transferCall { to: bob, amount: U256::from(4) }.abi_encode();
    let call = (B256::ZERO, *token.address(), U256::ZERO, Bytes::from(transfer));
    let payload = Bytes::from(call.abi_encode_packed());
    let receipt = scene.send(from, Actor::Alice, executor, payload.clone(), U256::ZERO, vec![]).await?;
    scene.relay(from, &receipt).await?.received(alice, executor);
    assert_eq!(token.balanceOf(bob).call().await?, U256::from(4));

    let receipt = scene.send(from, Actor::Mallory, executor, payload, U256::ZERO, vec![]).await?;
    let (error, _) = scene.relay(from, &receipt).await?.refused::<ERC7786RecipientUnauthorizedGateway>();
    let mallory = scene.interoperable(from, devnet.address(Actor::Mallory));
    assert_eq!((error.gateway, error.sender), (scene.gateway(on), mallory));
    assert_eq!(token.balanceOf(bob).call().await?, U256::from(4));
    Ok(())
}

/// Any recipient of the standard: what was said, by whom, and with what ETH; each message once, under an id of its own.
#[rstest]
#[case::on_l2(Chain::L2)]
#[case::on_l1(Chain::L1)]
#[tokio::test]
async fn a_plain_recipient(#[case] on: Chain) -> Result<()> {
    let scene = Scene::new().await?;
    let (devnet, from) = (&scene.devnet, on.other());
    let provider = scene.on(on, Actor::Stranger);
    let alice = devnet.address(Actor::Alice);
    let inbox = Inbox::new(devnet.deploy(&provider, "Inbox", (scene.gateway(on),)).await?, &provider);
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second, with ETH"));

    let receipt = scene.send(from, Actor::Alice, *inbox.address(), first.clone(), U256::ZERO, vec![]).await?;
    let first_id = scene.relay(from, &receipt).await?.received(alice, *inbox.address());
    assert_eq!(inbox.lastId().call().await?, first_id);
    assert_eq!(inbox.lastSender().call().await?, scene.interoperable(from, alice));
    assert_eq!(inbox.lastPayload().call().await?, first);
    assert_eq!(inbox.lastValue().call().await?, U256::ZERO);

    // At once, by its attribute; of the ETH that came along, what is too much goes back.
    let value = U256::from(7);
    let attribute = requestRelayCall { value, gasLimit: U256::from(400_000), refundRecipient: alice }.abi_encode();
    let sent = value + if from == Chain::L1 { ether(1) } else { U256::ZERO };
    let send = scene.send(from, Actor::Alice, *inbox.address(), second.clone(), sent, vec![attribute.into()]);
    let second_id = scene.relay(from, &send.await?).await?.received(alice, *inbox.address());
    assert_ne!(second_id, first_id);
    assert_eq!(inbox.lastPayload().call().await?, second);
    assert_eq!(inbox.lastValue().call().await?, value);
    assert_eq!(provider.get_balance(*inbox.address()).await?, value);
    assert_eq!(inbox.count().call().await?, U256::from(2));
    Ok(())
}

/// A recipient that refuses can be delivered to later, by anyone, under the same id.
#[tokio::test]
async fn a_recipient_that_refuses_at_first_on_l2() -> Result<()> {
    let scene = Scene::new().await?;
    let (devnet, provider) = (&scene.devnet, scene.on(Chain::L2, Actor::Stranger));
    let gateway = L2ERC7786Gateway::new(scene.gateway(Chain::L2), &provider);
    let inbox = Inbox::new(devnet.deploy(&provider, "Inbox", (*gateway.address(),)).await?, &provider);
    inbox.setOpen(false).send().await?.mined().await?;

    let payload = Bytes::from_static(b"patience");
    let receipt = scene.send(Chain::L1, Actor::Alice, *inbox.address(), payload, U256::ZERO, vec![]).await?;
    let sent: L1ERC7786Gateway::MessageSent =
        event(receipt.logs(), scene.gateway(Chain::L1)).ok_or_eyre("nothing sent")?;
    let (_, delivery) = scene.relay(Chain::L1, &receipt).await?.refused::<Inbox::Closed>();
    let delivery = delivery.ok_or_eyre("nothing waits")?;
    expect_revert::<L2ERC7786Gateway::DeliveryFailedAgain>(gateway.redeliver(delivery.clone()).call().await);

    inbox.setOpen(true).send().await?.mined().await?;
    let receipt = gateway.redeliver(delivery.clone()).send().await?.mined().await?;
    let id = received(receipt.logs(), *gateway.address())?.received(devnet.address(Actor::Alice), *inbox.address());
    assert_eq!((id, inbox.lastId().call().await?), (sent.sendId, sent.sendId));
    expect_revert::<L2ERC7786Gateway::NotUndelivered>(gateway.redeliver(delivery).call().await);
    assert_eq!(inbox.count().call().await?, U256::ONE);
    Ok(())
}

/// On L1 its message stays in the bridge, to be claimed.
#[tokio::test]
async fn a_recipient_that_refuses_at_first_on_l1() -> Result<()> {
    let scene = Scene::new().await?;
    let (devnet, provider) = (&scene.devnet, scene.on(Chain::L1, Actor::Stranger));
    let inbox = Inbox::new(devnet.deploy(&provider, "Inbox", (scene.gateway(Chain::L1),)).await?, &provider);
    inbox.setOpen(false).send().await?.mined().await?;

    let payload = Bytes::from_static(b"patience");
    let receipt = scene.send(Chain::L2, Actor::Alice, *inbox.address(), payload, U256::ZERO, vec![]).await?;
    scene.relay(Chain::L2, &receipt).await?.refused::<Inbox::Closed>();
    inbox.setOpen(true).send().await?.mined().await?;
    let alice = devnet.address(Actor::Alice);
    let id = scene.relay(Chain::L2, &receipt).await?.received(alice, *inbox.address());
    assert_eq!(inbox.lastId().call().await?, id);
    assert_eq!(inbox.count().call().await?, U256::ONE);
    Ok(())
}
