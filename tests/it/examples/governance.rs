//! A DAO that votes on L2 and acts on L1.

use alloy::{
    network::{ReceiptResponse, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{DynProvider, Provider},
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use eyre::{Result, ensure};
use postern_client::{L2Call, Withdrawal};
use postern_tests::{
    Actor, Client, Devnet, Mined, PATIENCE, ether, expect_revert,
    targets::Gate::{self, GateInstance},
};

use super::{act, address_after, finals, message_of, pass, refused};

sol! {
    #[sol(rpc)]
    contract VotingToken {
        function delegate(address delegatee) external;
        function transfer(address to, uint256 amount) external returns (bool);
    }

    struct VotingRules {
        uint48 delay;
        uint32 period;
        uint32 validity;
        uint256 threshold;
        uint256 quorum;
    }

    #[sol(rpc)]
    contract L2Governor {
        #[derive(Debug, PartialEq, Eq)]
        error GovernorUnexpectedProposalState(uint256 proposalId, uint8 current, bytes32 expectedStates);

        function propose(address[] targets, uint256[] values, bytes[] calldatas, string description)
            external returns (uint256);
        function getProposalId(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash)
            external view returns (uint256);
        function castVote(uint256 proposalId, uint8 support) external returns (uint256);
        function execute(address[] targets, uint256[] values, bytes[] calldatas, bytes32 descriptionHash)
            external payable returns (uint256);
        function proposalDeadline(uint256 proposalId) external view returns (uint256);
        function proposalVotes(uint256 proposalId)
            external view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes);
    }

    #[sol(rpc)]
    contract TimelockProposer {
        #[derive(Debug, PartialEq, Eq)]
        error ProposalExpired(uint256 received, uint256 deadline);

        function TIMELOCK() external view returns (address);
    }

    #[derive(Debug)]
    #[sol(rpc)]
    contract TimelockController {
        #[derive(PartialEq, Eq)]
        error TimelockUnexpectedOperationState(bytes32 operationId, bytes32 expectedStates);

        function executeBatch(
            address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt
        ) external payable;
        function hashOperationBatch(
            address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt
        ) external view returns (bytes32);
        function getTimestamp(bytes32 id) external view returns (uint256);
    }
}

const AGAINST: u8 = 0;
const FOR: u8 = 1;
const VOTING_DELAY: u64 = 600;
const VOTING_PERIOD: u64 = 6000;
/// Longer than the devnet's challenge window, which is an hour.
const VALIDITY: u64 = 20_000;
const TIMELOCK_DELAY: u64 = 4000;
const DESCRIPTION: &str = "open the gate, and pay it";
/// L2 gas of a vote that is sent through L1.
const VOTE_GAS: u64 = 300_000;

/// A DAO in which Alice has 700 of 1,000 votes and Bob 300, and 5 ETH on L1.
struct Dao {
    devnet: Devnet,
    alice: Client,
    governor: Address,
    proposer: Address,
    timelock: Address,
    gate: GateInstance<DynProvider>,
}

impl Dao {
    async fn found() -> Result<Self> {
        let devnet = Devnet::start().await?;
        devnet.fund(Actor::Alice, ether(2)).await?;
        devnet.fund(Actor::Bob, ether(2)).await?;
        let (alice, bob) = (devnet.client(Actor::Alice), devnet.client(Actor::Bob));
        let bridge = devnet.deployment().bridge.address;

        // Each side knows the other's address: that of L2 is known before it is there.
        let governor = address_after(&devnet, alice.l2(), Actor::Alice, 1).await?;
        let arguments = (bridge, governor, U256::from(TIMELOCK_DELAY));
        let proposer = devnet.deploy(alice.l1(), "TimelockProposer", arguments).await?;
        let arguments = ("Vote".to_owned(), "VOTE".to_owned(), devnet.address(Actor::Alice), U256::from(1000));
        let token = devnet.deploy(alice.l2(), "VotingToken", arguments).await?;
        let (delay, validity) = (VOTING_DELAY.try_into()?, VALIDITY.try_into()?);
        let (threshold, quorum) = (U256::from(1), U256::from(500));
        let rules = VotingRules { delay, period: VOTING_PERIOD.try_into()?, validity, threshold, quorum };
        let deployed = devnet.deploy(alice.l2(), "L2Governor", ("DAO".to_owned(), token, proposer, rules)).await?;
        ensure!(deployed == governor, "the governor is elsewhere");

        let token = VotingToken::new(token, alice.l2());
        act(token.delegate(devnet.address(Actor::Alice))).await?;
        act(token.transfer(devnet.address(Actor::Bob), U256::from(300))).await?;
        act(VotingToken::new(*token.address(), bob.l2()).delegate(devnet.address(Actor::Bob))).await?;

        let timelock = TimelockProposer::new(proposer, alice.l1()).TIMELOCK().call().await?;
        let gift = TransactionRequest::default().with_to(timelock).with_value(ether(5));
        alice.l1().send_transaction(gift).await?.mined().await?;
        let gate = Gate::new(devnet.deploy(alice.l1(), "Gate", ()).await?, devnet.l1().clone());
        Ok(Self { devnet, alice, governor, proposer, timelock, gate })
    }

    /// To open the gate, and to send it 3 ETH.
    fn calls(&self) -> (Vec<Address>, Vec<U256>, Vec<Bytes>) {
        let open = Gate::setOpenCall { open: true }.abi_encode();
        (vec![*self.gate.address(); 2], vec![U256::ZERO, ether(3)], vec![open.into(), Bytes::new()])
    }

    /// Alice proposes, and the vote begins.
    async fn propose(&self) -> Result<U256> {
        let governor = L2Governor::new(self.governor, self.alice.l2());
        let (targets, values, calldatas) = self.calls();
        // Votes count from the second after.
        pass(&self.devnet, 1).await?;
        let propose = governor.propose(targets.clone(), values.clone(), calldatas.clone(), DESCRIPTION.to_owned());
        act(propose).await?;
        pass(&self.devnet, VOTING_DELAY + 1).await?;
        Ok(governor.getProposalId(targets, values, calldatas, keccak256(DESCRIPTION)).call().await?)
    }

    /// Alice votes for it, the vote ends, and anyone sends what was decided to L1.
    async fn decide(&self, proposal: U256) -> Result<Withdrawal> {
        let governor = L2Governor::new(self.governor, self.alice.l2());
        act(governor.castVote(proposal, FOR)).await?;
        let (targets, values, calldatas) = self.calls();
        let bob = self.devnet.client(Actor::Bob);
        let by_bob = L2Governor::new(self.governor, bob.l2());
        let execute = by_bob.execute(targets, values, calldatas, keccak256(DESCRIPTION));
        let error = expect_revert::<L2Governor::GovernorUnexpectedProposalState>(execute.call().await);
        assert_eq!(error.proposalId, proposal, "the vote goes on");
        pass(&self.devnet, VOTING_PERIOD).await?;
        message_of(&act(execute).await?)
    }
}

#[tokio::test]
async fn what_is_voted_on_l2_is_done_on_l1() -> Result<()> {
    let dao = Dao::found().await?;
    let devnet = &dao.devnet;
    let stranger = devnet.client(Actor::Stranger);
    let proposal = dao.propose().await?;

    // Bob is heard though the sequencer might ignore him: his vote comes through L1.
    let data = L2Governor::castVoteCall { proposalId: proposal, support: AGAINST }.abi_encode();
    let vote = L2Call { target: dao.governor, gas_limit: VOTE_GAS, data: data.into(), ..L2Call::default() };
    let vote = devnet.client(Actor::Bob).send_to_l2(vote).await?.state;
    assert!(stranger.wait_for_deposit(&vote, PATIENCE).await?.status());
    let message = dao.decide(proposal).await?;
    let votes = L2Governor::new(dao.governor, devnet.l2()).proposalVotes(proposal).call().await?;
    assert_eq!((votes.againstVotes, votes.forVotes), (U256::from(300), U256::from(700)));

    assert_eq!((message.message.sender, message.message.target), (dao.governor, dao.proposer));
    let [scheduling] = finals(devnet, [&message]).await?;
    stranger.execute(&scheduling).await?;

    let timelock = TimelockController::new(dao.timelock, stranger.l1());
    let (targets, values, payloads) = dao.calls();
    let salt = B256::from(proposal);
    let hash = timelock.hashOperationBatch(targets.clone(), values.clone(), payloads.clone(), B256::ZERO, salt);
    let operation = hash.call().await?;
    let execute = timelock.executeBatch(targets, values, payloads, B256::ZERO, salt);
    let error = expect_revert::<TimelockController::TimelockUnexpectedOperationState>(execute.call().await);
    assert_eq!(error.operationId, operation, "who disagrees has time to leave");
    assert_eq!(dao.gate.calls().call().await?, U256::ZERO);

    devnet.warp_to(timelock.getTimestamp(operation).call().await?.to()).await?;
    assert!(execute.send().await?.mined().await?.status());
    assert_eq!(dao.gate.calls().call().await?, U256::ONE);
    assert_eq!(devnet.l1().get_balance(*dao.gate.address()).await?, ether(3));
    assert_eq!(devnet.l1().get_balance(dao.timelock).await?, ether(2));
    // Once only.
    expect_revert::<TimelockController::TimelockUnexpectedOperationState>(execute.call().await);
    Ok(())
}

/// A decision that nobody brought to L1 in time never counts there.
#[tokio::test]
async fn a_decision_that_comes_too_late_is_refused() -> Result<()> {
    let dao = Dao::found().await?;
    let devnet = &dao.devnet;
    let proposal = dao.propose().await?;
    let message = dao.decide(proposal).await?;
    let [scheduling] = finals(devnet, [&message]).await?;
    let end = L2Governor::new(dao.governor, devnet.l2()).proposalDeadline(proposal).call().await?;
    let deadline = end + U256::from(VALIDITY);

    devnet.warp_to(deadline.to::<u64>() + 1).await?;
    let error = refused::<TimelockProposer::ProposalExpired>(devnet, &scheduling, &message).await?;
    assert_eq!(error.deadline, deadline);
    assert!(error.received > deadline);
    Ok(())
}
