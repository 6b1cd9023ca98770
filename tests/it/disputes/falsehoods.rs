//! False commitments, and how they are defended.

use std::{array, collections::BTreeSet, sync::Arc};

use alloy::{
    contract,
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::Provider,
    sol_types::SolCall,
};
use eyre::{OptionExt, Result};
use postern_bindings::{Bridge, DisputeGame, StateCommitmentChain};
use postern_node::dispute::{Game, Move, Side};
use postern_protocol::{
    dispute::{Dispute, LEVELS, POINTS},
    message::Message,
    outbox::Tree,
    output::Output,
};
use postern_tests::{
    Actor, Mined,
    adversary::{Assertion, Party, STEPS},
    disputes::node_status,
    ether, expect_revert,
};
use rstest::rstest;

use super::{LIE, REJECTED, Scene, WATCHED, chain, counter_to};

/// A forged output of one kind or another, defended by whoever forged it. The lie comes out in the middle of the run: each side posts
/// a node on every other level, and the challenger proves the step.
#[rstest]
#[case::state_root(|output: &mut Output| output.state_root = LIE)]
#[case::block_hash(|output: &mut Output| output.block_hash = LIE)]
#[case::block_number(|output: &mut Output| output.block_number += 1)]
#[tokio::test]
async fn a_forged_output_is_rejected(#[case] forge: fn(&mut Output)) -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, forge).await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    scene.play(&[liar]).await?;

    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    assert_eq!(scene.levels(Actor::Mallory).await?, [2, 4, 6, 8]);
    scene.falls().await?;
    assert!(scene.has_gained().await?);
    Ok(())
}

/// Nobody defends it: one opening is enough.
#[tokio::test]
async fn an_abandoned_lie_is_rejected() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.outbox_root = LIE).await?;
    scene.falls().await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1]);
    let bond = U256::from(scene.devnet.state_commitment_chain().BOND().call().await?);
    // Half of the proposer's bond, less gas.
    assert!(scene.devnet.wealth(Actor::Challenger).await? > scene.wealth + bond / U256::from(3));
    Ok(())
}

/// Mallory forges a message that takes all the bridge has, and proves it under her commitment. However the dispute goes on, at no
/// point is it executed.
#[tokio::test]
async fn a_forged_withdrawal_is_never_executed() -> Result<()> {
    let devnet = chain(WATCHED, 2).await?;
    let (mallory, bridge) = (devnet.client(Actor::Mallory), *devnet.bridge().address());
    let booty = devnet.l1().get_balance(bridge).await?;
    assert!(booty >= ether(4));
    let (sender, target) = (Address::repeat_byte(0xee), devnet.address(Actor::Mallory));
    let message = Message { index: 0, sender, target, value: booty, gas_limit: 0, data: Bytes::new() };
    let mut outbox = Tree::default();
    outbox.push(message.leaf());
    let mut forged = None;
    let scene = Scene::of_lie(devnet, 2, 1, |output| {
        output.outbox_root = outbox.root_at(1).expect("it has one leaf");
        forged = Some(*output);
    })
    .await?;
    let Scene { devnet, honest, .. } = &scene;
    let (commitment, output) = (honest.claim.commitment, forged.ok_or_eyre("it was forged")?);
    let proof = outbox.proof(0, 1).ok_or_eyre("it is in the tree")?;
    let contract = mallory.bridge();
    let prove = contract.proveMessage(message.clone().into(), commitment.into(), output.into(), proof.clone());
    assert!(prove.send().await?.mined().await?.status());

    let attempts = async || {
        let finalize = devnet.state_commitment_chain();
        let finalize = finalize.finalize(commitment.into(), output.into()).call().await;
        let claim = contract.finalizeMessage(message.clone().into(), scene.id()).call().await;
        expect_revert::<Bridge::CommitmentNotFinal>(claim);
        let claim = contract.executeMessage(message.clone().into(), scene.id(), proof.clone()).call().await;
        expect_revert::<Bridge::CommitmentNotFinal>(claim);
        assert_eq!(devnet.l1().get_balance(bridge).await?, booty);
        eyre::Ok(finalize)
    };
    expect_revert::<StateCommitmentChain::WindowOpenInTime>(attempts().await?);
    devnet.answered(honest).await?;
    devnet.warp_past_challenge_window().await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 3);
    loop {
        let challenged = expect_revert::<StateCommitmentChain::CommitmentChallenged>(attempts().await?);
        assert_eq!((challenged.id, challenged.challenges), (scene.id(), 1));
        if liar.act(devnet).await?.is_empty() {
            break;
        }
        devnet.answered(honest).await?;
    }
    scene.falls().await?;
    expect_revert::<StateCommitmentChain::UnexpectedCommitmentStatus>(attempts().await?);
    Ok(())
}

/// One of the outputs of a commitment is forged, those after it are true.
#[rstest]
#[case::the_first(0)]
#[case::a_middle_one(1)]
#[case::the_last(2)]
#[tokio::test]
async fn one_forged_output_is_enough(#[case] position: u64) -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 3).await?, 3, position, |output| output.state_root = LIE).await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() * (position + 1) / 4);
    scene.play(&[liar]).await?;
    scene.falls().await
}

/// The liar says what is true until the last step: of the run, or of all that there are, where the machine has long halted.
#[rstest]
#[case::of_the_run(|steps| steps - 1)]
#[case::of_all(|_| STEPS - 1)]
#[tokio::test]
async fn a_lie_about_the_last_step(#[case] last: fn(u64) -> u64) -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let from = last(scene.steps());
    scene.play(&[scene.adversary(Actor::Mallory, from)]).await?;
    let events = scene.devnet.dispute_game().StepProven_filter().from_block(0).query().await?;
    let segment = from % POINTS as u64 + 1;
    assert_eq!(events.iter().map(|(event, _)| event.segment).collect::<Vec<_>>(), [U256::from(segment)]);
    scene.falls().await
}

/// Mallory defends her lie with junk, and others add theirs, against the truth and against the junk. What disputes the truth is
/// refuted, each at its first false point; what is junk about junk needs no answer, and gets none.
#[tokio::test]
async fn junk_is_refuted_where_it_matters() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, honest, .. } = &scene;
    let mallory = scene.adversary(Actor::Mallory, 0);
    devnet.answered(honest).await?;
    assert_eq!(mallory.act(devnet).await?.len(), 1);
    let game = mallory.game(devnet).await?;
    let opening = game.openings().next().ok_or_eyre("it was opened")?;
    let counter = game.counters(opening.entry.id).next().ok_or_eyre("it was countered")?;
    let bob = honest.played_by(Actor::Bob);
    for (node, segment) in [(opening, 1), (opening, 17), (opening, POINTS), (counter, 2), (counter, POINTS)] {
        let junk = array::from_fn(|index| keccak256([segment as u8, index as u8]));
        assert!(bob.make(devnet, &counter_to(&node.entry, segment, &junk)).await?.status());
    }

    // The first of Mallory's own, and three of Bob's.
    devnet.answered(honest).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 3, 3, 3]);
    scene.play(&[mallory]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 3, 3, 3, 5, 7]);
    scene.falls().await?;
    assert!(scene.has_gained().await?);
    Ok(())
}

/// Two hundred counters to the challenger's opening, fifty in one transaction. Each has to be answered, and is; the decisions come in
/// pages, none of which takes more gas than a transaction may.
#[tokio::test]
async fn two_hundred_counters() -> Result<()> {
    const COUNTERS: usize = 200;
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, honest, .. } = &scene;
    devnet.answered(honest).await?;
    let game = honest.game(devnet).await?;
    let opening = game.openings().next().ok_or_eyre("it was opened")?.entry.clone();
    let counters: Vec<Bytes> = (0..COUNTERS)
        .map(|number| {
            let segment = number % POINTS + 1;
            let junk: [B256; POINTS] = array::from_fn(|index| keccak256([number as u8, index as u8]));
            let dispute = Dispute::of(opening.node.start, &opening.points, segment);
            let (parent, dispute, points) = (opening.node.into(), dispute.into(), junk.to_vec());
            DisputeGame::counterCall { parent, dispute, points }.abi_encode().into()
        })
        .collect();
    let bond = devnet.rules().await?.bond_for(2);
    for some in counters.chunks(50) {
        scene.make_at_once(Actor::Mallory, some.to_vec(), bond * U256::from(some.len())).await?;
    }

    devnet.answered(honest).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?[1..], [3; COUNTERS]);
    scene.falls().await?;
    assert!(scene.has_gained().await?);
    let decisions = devnet.dispute_game().NodeResolved_filter().from_block(0).query().await?;
    let transactions: BTreeSet<_> = decisions.iter().filter_map(|(_, log)| log.transaction_hash).collect();
    for transaction in transactions {
        let receipt = devnet.l1().get_transaction_receipt(transaction).await?.ok_or_eyre("it is mined")?;
        assert!(receipt.gas_used < 1 << 24, "{} gas", receipt.gas_used);
    }
    Ok(())
}

/// Mallory also has accounts that dispute her lie, falsely: they open and lose, and counter what she posts. None of that costs or
/// delays the challenger, which plays its own dispute.
#[tokio::test]
async fn a_liar_plays_both_sides() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let mallory = scene.adversary(Actor::Mallory, scene.steps() / 2);
    // Another end than the forged one, or it could not be opened.
    let other = Assertion::lie(scene.truth(), scene.steps() / 5, B256::ZERO);
    let accomplice = Party { actor: Actor::Bob, run: Arc::new(other), ..scene.honest.clone() };
    scene.play(&[mallory, accomplice]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    assert_eq!(scene.levels(Actor::Bob).await?[0], 1);
    scene.falls().await?;
    assert!(scene.has_gained().await?);
    Ok(())
}

/// More is built on the lie, true and false. It falls with it, undisputed.
#[tokio::test]
async fn descendants_fall_with_the_lie() -> Result<()> {
    let devnet = chain(WATCHED, 3).await?;
    let truth = devnet.output_roots(3).await?;
    let scene = Scene::of_lie(devnet, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, .. } = &scene;
    let looks_true = devnet.propose(Actor::Mallory, scene.id(), &truth[1..]).await?;
    let looks_false = devnet.propose(Actor::Mallory, scene.id(), &[LIE]).await?;
    let grandchild = devnet.propose(Actor::Mallory, looks_false.id(), &[LIE]).await?;
    scene.play(&[scene.adversary(Actor::Mallory, scene.steps() / 2)]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    scene.falls().await?;

    let stranger = devnet.client(Actor::Stranger);
    let contract = stranger.state_commitment_chain();
    for descendant in [looks_true, looks_false, grandchild] {
        let output = devnet.node().chain().output(descendant.batch_count)?.ok_or_eyre("it is derived")?;
        let finalize = contract.finalize(descendant.into(), output.into()).call().await;
        let error = expect_revert::<StateCommitmentChain::ParentNotFinal>(finalize);
        assert_eq!(error.status, REJECTED);
        assert!(contract.rejectDescendant(descendant.into()).send().await?.mined().await?.status());
        assert_eq!(contract.commitmentStatus(descendant.id()).call().await?, REJECTED);
    }
    scene.check_end().await
}

/// When all is decided, nothing moves any more: not the openings, not the counters, not the steps, not the decisions.
#[tokio::test]
async fn what_is_decided_stays_decided() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let mallory = scene.adversary(Actor::Mallory, scene.steps() / 2);
    scene.play(std::slice::from_ref(&mallory)).await?;
    scene.falls().await?;

    let game = mallory.game(&scene.devnet).await?;
    let mut nodes = Vec::new();
    for posted in scene.devnet.posted_nodes().await? {
        nodes.push(game.node(posted.node.id()).ok_or_eyre("it is known")?.entry.clone());
    }
    let contract = scene.devnet.dispute_game();
    for entry in &nodes {
        let moved = if entry.level < LEVELS {
            mallory.make(&scene.devnet, &counter_to(entry, 1, &[LIE; POINTS])).await
        } else {
            let dispute = Dispute::of(entry.node.start, &entry.points, 1);
            let step = Move::ProveStep { node: entry.node, dispute, witness: Bytes::new(), step: 0, deadline: 0 };
            mallory.make(&scene.devnet, &step).await
        };
        let moved = moved.map_err(|error| error.downcast::<contract::Error>().expect("the contract refuses"));
        let error = expect_revert::<DisputeGame::UnexpectedNodeStatus>(moved);
        assert_eq!((error.id, error.expected), (entry.id, node_status::OPEN));
    }
    let decisions = async || Ok::<_, eyre::Report>(contract.NodeResolved_filter().from_block(0).query().await?.len());
    let before = decisions().await?;
    let nodes: Vec<_> = nodes.iter().map(|entry| entry.node).collect();
    scene.devnet.resolve(Actor::Mallory, mallory.claim.commitment, 0, &nodes).await?;
    assert_eq!(decisions().await?, before);
    let run = Arc::new(Assertion::lie(scene.truth(), 0, B256::ZERO));
    let late = Party { actor: Actor::Bob, run, ..scene.honest.clone() };
    let game = Game::new(late.challenge(), scene.devnet.rules().await?, []);
    let opening = game.moves(&*late.run, Side::Challenge, 0)?.pop().ok_or_eyre("it opens")?;
    let opened = late.make(&scene.devnet, &opening).await;
    let opened = opened.map_err(|error| error.downcast::<contract::Error>().expect("the contract refuses"));
    let error = expect_revert::<StateCommitmentChain::UnexpectedCommitmentStatus>(opened);
    assert_eq!((error.id, error.received), (scene.id(), REJECTED));
    scene.check_end().await
}
