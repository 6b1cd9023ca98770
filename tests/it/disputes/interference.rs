//! The challenger is copied, censored, killed, held to its limits, or has the ground pulled from under it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy::{
    consensus::{Transaction, transaction::PooledTransaction},
    eips::eip2718::{Decodable2718, Encodable2718},
    network::TransactionBuilder,
    primitives::{Bytes, keccak256},
    providers::Provider,
    rpc::types::TransactionRequest,
};
use eyre::{OptionExt, Result, ensure};
use postern_node::{Node, NodeHandle};
use postern_tests::{Actor, Call, Devnet, Journal, Mined, Proxy, Reaction, Roles, disputes::node_status, eventually};
use rstest::rstest;
use serde_json::json;

use super::{LIE, REJECTED, Scene, UNKNOWN, WATCHED, batches, chain};

/// What the challenger sent, and L1 did not get.
#[derive(Clone, Default)]
struct Mempool(Arc<Mutex<Vec<PooledTransaction>>>);

impl Mempool {
    /// Keeps what is sent through a proxy, which says that it was taken.
    fn behind(proxy: &Proxy) -> Self {
        let mempool = Self::default();
        let kept = mempool.clone();
        proxy.tamper(move |Call { method, params }| {
            if method != "eth_sendRawTransaction" {
                return Reaction::Pass;
            }
            let raw: Bytes = params[0].as_str().and_then(|raw| raw.parse().ok()).expect("a raw transaction");
            let transaction = PooledTransaction::decode_2718(&mut raw.as_ref()).expect("a transaction");
            kept.0.lock().unwrap_or_else(PoisonError::into_inner).push(transaction);
            Reaction::Answer(json!(keccak256(&raw)))
        });
        mempool
    }

    /// The first that was sent and is another call than those before.
    async fn next(&self, seen: &mut Vec<Bytes>) -> Result<PooledTransaction> {
        let next = eventually("the challenger sends something", || async {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(kept.iter().find(|transaction| !seen.contains((**transaction).input())).cloned())
        })
        .await?;
        seen.push(next.input().clone());
        Ok(next)
    }
}

/// A challenger with its own node, that talks to L1 through a proxy.
async fn watcher(devnet: &Devnet) -> Result<(NodeHandle, Proxy)> {
    let proxy = Proxy::start(devnet.l1_url()).await?;
    let mut config = devnet.follower_config("watcher");
    config.l1_rpc_url = proxy.url().to_string();
    let mut challenger = devnet.challenger();
    challenger.1.resubmit_after = Duration::from_millis(200);
    config.challenger = Some(challenger);
    Ok((Node::start(config).await?, proxy))
}

impl Scene {
    /// Bob sends what the challenger sent, and is first.
    async fn copy(&self, transaction: &PooledTransaction) -> Result<()> {
        let copy = TransactionRequest::default()
            .with_to(*self.devnet.dispute_game().address())
            .with_value(transaction.value())
            .with_input(transaction.input().clone());
        let bob = self.devnet.client(Actor::Bob);
        ensure!(bob.l1().send_transaction(copy).await?.mined().await?.status(), "the copy failed");
        Ok(())
    }
}

/// Bob copies moves of the challenger from the mempool, and is first with them: the opening, the step, or all. He has the bonds
/// locked, and gets the rewards. The challenger loses nothing, and plays on with what he posted as with its own.
#[rstest]
#[case::the_opening([true, false, false, false, false])]
#[case::the_step([false, false, false, false, true])]
#[case::every_move([true; 5])]
#[tokio::test]
async fn moves_are_copied(#[case] copied: [bool; 5]) -> Result<()> {
    let scene = Scene::of_lie(chain(Roles::SEQUENCER, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, .. } = &scene;
    let (node, proxy) = watcher(devnet).await?;
    let mempool = Mempool::behind(&proxy);
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    let mut seen = Vec::new();
    let (mut challengers, mut copies) = (Vec::new(), Vec::new());
    for (copied, level) in copied.into_iter().zip([Some(1), Some(3), Some(5), Some(7), None]) {
        let transaction = mempool.next(&mut seen).await?;
        if copied {
            scene.copy(&transaction).await?;
            copies.extend(level);
        } else {
            let sent = devnet.l1().send_raw_transaction(&transaction.encoded_2718()).await?;
            assert!(sent.mined().await?.status());
            challengers.extend(level);
        }
        assert_eq!(liar.act(devnet).await?.len(), usize::from(level.is_some()));
    }
    assert_eq!(scene.levels(Actor::Challenger).await?, challengers);
    assert_eq!(scene.levels(Actor::Bob).await?, copies);
    let steps = devnet.dispute_game().StepProven_filter().from_block(0).query().await?;
    let prover = devnet.address(if copied[4] { Actor::Bob } else { Actor::Challenger });
    assert_eq!(steps.iter().map(|(event, _)| event.prover).collect::<Vec<_>>(), [prover]);
    proxy.relent();
    scene.falls().await?;
    Ok(node.shutdown().await?)
}

/// Nothing that the challenger sends gets into L1 until three blocks before each of its clocks ends.
#[tokio::test]
async fn it_is_censored_to_the_edge_of_its_clock() -> Result<()> {
    let scene = Scene::of_truth(chain(Roles::SEQUENCER, 1).await?, 1, 0).await?;
    let Scene { devnet, honest, .. } = &scene;
    let (node, proxy) = watcher(devnet).await?;
    let attacker = scene.adversary(Actor::Mallory, scene.steps() / 2);
    let mut answers = 0;
    loop {
        proxy.tamper(|Call { method, .. }| match method {
            "eth_sendRawTransaction" => Reaction::Refuse("censored"),
            _ => Reaction::Pass,
        });
        if attacker.act(devnet).await?.is_empty() {
            break;
        }
        let due = honest.moves(devnet).await?.pop().ok_or_eyre("it has to answer")?;
        let before = proxy.tampered();
        eventually("it is censored", || async { Ok((proxy.tampered() > before).then_some(())) }).await?;
        devnet.mine_to(due.deadline().ok_or_eyre("it has a clock")? - 3).await?;
        proxy.relent();
        devnet.answered(honest).await?;
        answers += 1;
    }
    assert_eq!(answers, 4);
    assert_eq!(scene.levels(Actor::Challenger).await?, [2, 4, 6, 8]);
    proxy.relent();
    scene.stands().await?;
    Ok(node.shutdown().await?)
}

/// The node is killed after each of its moves, and comes back.
#[tokio::test]
async fn it_is_killed_after_each_move() -> Result<()> {
    let mut scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    loop {
        scene.devnet.answered(&scene.honest).await?;
        scene.devnet.crash_node().await?;
        if liar.act(&scene.devnet).await?.is_empty() {
            break;
        }
    }
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    scene.falls().await
}

/// The challenger's machine is gone. A new one with nothing but its key and L1 takes over in the middle.
#[tokio::test]
async fn it_is_replaced_in_the_middle() -> Result<()> {
    let mut scene = Scene::of_truth(chain(WATCHED, 1).await?, 1, 0).await?;
    let attacker = scene.adversary(Actor::Mallory, scene.steps() / 2);
    assert_eq!(attacker.act(&scene.devnet).await?.len(), 1);
    scene.devnet.answered(&scene.honest).await?;
    scene.devnet.restart_with(Roles::SEQUENCER).await?;
    assert_eq!(attacker.act(&scene.devnet).await?.len(), 1);
    let (node, _proxy) = watcher(&scene.devnet).await?;
    scene.play(&[attacker]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [2, 4, 6, 8]);
    scene.stands().await?;
    scene.devnet.check_rebuild(&node).await?;
    Ok(node.shutdown().await?)
}

/// L1 takes back each of the challenger's moves once. It makes it again.
#[tokio::test]
async fn l1_takes_back_its_moves() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, honest, .. } = &scene;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    loop {
        devnet.answered(honest).await?;
        let nodes = devnet.posted_nodes().await?.len();
        let answer = devnet.l1_head().await?.block_number;
        devnet.reorg(1).await?;
        assert_eq!(devnet.l1_head().await?.block_number, answer);
        devnet.answered(honest).await?;
        assert_eq!(devnet.posted_nodes().await?.len(), nodes);
        if liar.act(devnet).await?.is_empty() {
            break;
        }
    }
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    scene.falls().await
}

/// L1 takes back the lie, and all that was staked against it. The challenger goes on with what is there now: the truth, which
/// it does not dispute.
#[tokio::test]
async fn l1_takes_back_the_lie() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, honest, .. } = &scene;
    devnet.answered(honest).await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    assert_eq!(liar.act(devnet).await?.len(), 1);
    devnet.answered(honest).await?;
    let head = devnet.l1_head().await?.block_number;
    devnet.reorg(head + 1 - honest.claim.block_number).await?;
    assert_eq!(scene.status().await?, UNKNOWN);

    let Scene { devnet, wealth, .. } = scene;
    assert!(devnet.posted_nodes().await?.is_empty());
    assert_eq!(devnet.wealth(Actor::Challenger).await?, wealth);
    let scene = Scene::of_truth(devnet, 1, 0).await?;
    scene.stands().await?;
    assert!(scene.devnet.posted_nodes().await?.is_empty());
    Ok(())
}

/// Two lies, and bonds for one opening. The challenger says that it cannot do more, and does it when the first bond is free.
#[tokio::test]
async fn it_is_short_of_bonds() -> Result<()> {
    let journal = Journal::begin();
    let devnet = Devnet::tuned(WATCHED, |config| {
        if let Some((_, challenger)) = &mut config.challenger {
            challenger.max_bonds = 15_000_000_000_000_000;
        }
    })
    .await?;
    let first = Scene::of_lie(batches(devnet, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    first.devnet.answered(&first.honest).await?;
    let second = Scene::of_lie(first.devnet, 1, 0, |output| output.block_hash = LIE).await?;
    let Scene { devnet, honest, .. } = &second;
    eventually("it says so", || async { Ok(journal.says(&["WARN", "limit of bonds reached"]).then_some(())) }).await?;
    assert_eq!(second.levels(Actor::Challenger).await?, [1]);
    assert_eq!(honest.moves(devnet).await?.len(), 1);

    devnet.warp_past_clock().await?;
    devnet.answered(honest).await?;
    assert_eq!(second.levels(Actor::Challenger).await?, [1, 1]);
    let status = devnet.state_commitment_chain().commitmentStatus(first.honest.claim.commitment.id()).call().await?;
    assert_eq!(status, REJECTED);
    second.falls().await
}

/// Openings against a true commitment use up what the challenger may stake on those. It says so, and has enough left for a lie that
/// comes then; with a higher limit it defends the rest as well.
#[tokio::test]
async fn it_keeps_bonds_for_lies() -> Result<()> {
    let journal = Journal::begin();
    let devnet = Devnet::tuned(WATCHED, |config| {
        if let Some((_, challenger)) = &mut config.challenger {
            // Twice two counters to openings.
            challenger.max_bonds = 80_000_000_000_000_000;
        }
    })
    .await?;
    let defence = Scene::of_truth(batches(devnet, 1).await?, 1, 0).await?;
    for from in 0..3 {
        assert_eq!(defence.adversary(Actor::Mallory, from).act(&defence.devnet).await?.len(), 1);
    }
    eventually("it makes two moves and says so", || async {
        let moved = defence.levels(Actor::Challenger).await? == [2, 2];
        Ok((moved && journal.says(&["WARN", "limit of bonds reached"])).then_some(()))
    })
    .await?;

    let Scene { devnet, honest, wealth, others } = defence;
    let mut lie = Scene::of_lie(devnet, 1, 0, |output| output.state_root = LIE).await?;
    lie.devnet.answered(&lie.honest).await?;
    assert_eq!(lie.levels(Actor::Challenger).await?, [2, 2, 1]);
    lie.devnet.retune(|_| ()).await?;
    lie.devnet.answered(&honest).await?;
    assert_eq!(lie.levels(Actor::Challenger).await?, [2, 2, 1, 2]);
    lie.falls().await?;
    Scene { devnet: lie.devnet, honest, wealth, others }.stands().await
}

/// Two honest challengers find the same true moves. What one posts the other defends, and neither loses anything.
#[tokio::test]
async fn there_are_two_of_it() -> Result<()> {
    let scene = Scene::of_lie(chain(WATCHED, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    let Scene { devnet, honest, .. } = &scene;
    let mut config = devnet.follower_config("other");
    config.challenger = Some((devnet.signer(Actor::Bob), devnet.challenger().1));
    let other = Node::start(config).await?;
    scene.play(&[scene.adversary(Actor::Mallory, scene.steps() / 2)]).await?;
    scene.falls().await?;

    let (game, mallory) = (devnet.dispute_game(), devnet.address(Actor::Mallory));
    let mut levels = Vec::new();
    for posted in devnet.posted_nodes().await?.iter().filter(|posted| posted.author != mallory) {
        eventually("the node stands", || async {
            let status = game.nodeStatus(posted.node.id()).call().await?;
            Ok((status == node_status::STANDS).then_some(()))
        })
        .await?;
        levels.push(posted.level);
    }
    assert_eq!(levels, [1, 3, 5, 7]);
    assert!(honest.moves(devnet).await?.is_empty());
    devnet.check_conservation(&[]).await?;
    Ok(other.shutdown().await?)
}

/// One transaction is all that it may spend on. It says so, and pauses. With more to spend it goes on.
#[tokio::test]
async fn it_may_spend_no_more() -> Result<()> {
    let journal = Journal::begin();
    let devnet = Devnet::tuned(WATCHED, |config| {
        if let Some((_, challenger)) = &mut config.challenger {
            challenger.max_gas_spend_per_day = 1;
        }
    })
    .await?;
    let mut scene = Scene::of_lie(batches(devnet, 1).await?, 1, 0, |output| output.state_root = LIE).await?;
    scene.devnet.answered(&scene.honest).await?;
    let liar = scene.adversary(Actor::Mallory, scene.steps() / 2);
    assert_eq!(liar.act(&scene.devnet).await?.len(), 1);
    eventually("it says so", || async { Ok(journal.says(&["WARN", "limit of gas spending reached"]).then_some(())) })
        .await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1]);

    scene.devnet.retune(|_| ()).await?;
    scene.play(&[liar]).await?;
    assert_eq!(scene.levels(Actor::Challenger).await?, [1, 3, 5, 7]);
    scene.falls().await
}
