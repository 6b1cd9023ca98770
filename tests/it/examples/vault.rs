//! A vault on L1 that L2 unlocks.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, U256, address},
    providers::Provider,
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall,
};
use eyre::{Result, ensure};
use postern_client::{Status, Withdrawal};
use postern_tests::{Actor, Client, Devnet, Mined, ether, targets::Token};

use super::{NotL2Sender, act, address_after, finals, message_of, refused};

sol! {
    #[sol(rpc)]
    contract Vault {
        #[derive(Debug, PartialEq, Eq)]
        error AlreadyUsed(uint256 id);
        #[derive(Debug, PartialEq, Eq)]
        error UnlockExpired(uint256 received, uint256 deadline);

        function unlock(uint256 id, address token, address to, uint256 amount, uint256 deadline) external;
        function isUsed(uint256 id) external view returns (bool);
    }

    #[sol(rpc)]
    contract VaultKey {
        event UnlockSent(
            uint256 indexed id,
            address indexed spender,
            address indexed token,
            address to,
            uint256 amount,
            uint256 deadline,
            uint64 index
        );

        function setAllowance(address spender, address token, uint256 amount) external;
        function unlock(address token, address to, uint256 amount) external returns (uint256 id);
        function revoke(uint256 id) external;
    }
}

const RECIPIENT: Address = address!("0x00000000000000000000000000000000000b0b00");
const ETH: Address = Address::ZERO;
/// Longer than the devnet's challenge window, which is an hour.
const VALIDITY: u64 = 20_000;

/// A vault with 5 ETH and 1,000 tokens, of which Alice, who owns its key on L2, may unlock all.
struct Setting {
    devnet: Devnet,
    alice: Client,
    vault: Address,
    key: Address,
    token: Address,
}

impl Setting {
    async fn make() -> Result<Self> {
        let devnet = Devnet::start().await?;
        devnet.fund(Actor::Alice, ether(1)).await?;
        let alice = devnet.client(Actor::Alice);
        let key = address_after(&devnet, alice.l2(), Actor::Alice, 0).await?;
        let vault = devnet.deploy(alice.l1(), "Vault", (devnet.deployment().bridge.address, key)).await?;
        let arguments = (vault, devnet.address(Actor::Alice), U256::from(VALIDITY));
        ensure!(devnet.deploy(alice.l2(), "VaultKey", arguments).await? == key, "the key is elsewhere");

        let gift = TransactionRequest::default().with_to(vault).with_value(ether(5));
        assert!(alice.l1().send_transaction(gift).await?.mined().await?.status());
        let contract = devnet.token(alice.l1(), Actor::Alice, U256::from(1000)).await?;
        assert!(contract.transfer(vault, U256::from(1000)).send().await?.mined().await?.status());
        let token = *contract.address();
        let contract = VaultKey::new(key, alice.l2());
        for (token, amount) in [(ETH, ether(5)), (token, U256::from(1000))] {
            act(contract.setAllowance(devnet.address(Actor::Alice), token, amount)).await?;
        }
        Ok(Self { devnet, alice, vault, key, token })
    }

    /// Alice unlocks; the message to L1, and until when it counts.
    async fn unlock(&self, token: Address, amount: U256) -> Result<(Withdrawal, U256)> {
        let key = VaultKey::new(self.key, self.alice.l2());
        let message = message_of(&act(key.unlock(token, RECIPIENT, amount)).await?)?;
        let call = Vault::unlockCall::abi_decode_validate(&message.message.data)?;
        Ok((message, call.deadline))
    }

    async fn revoke(&self, id: u64) -> Result<Withdrawal> {
        let key = VaultKey::new(self.key, self.alice.l2());
        message_of(&act(key.revoke(U256::from(id))).await?)
    }

    async fn ether(&self) -> Result<U256> {
        Ok(self.devnet.l1().get_balance(RECIPIENT).await?)
    }

    async fn tokens(&self) -> Result<U256> {
        Ok(Token::new(self.token, self.devnet.l1()).balanceOf(RECIPIENT).call().await?)
    }
}

#[tokio::test]
async fn is_unlocked_in_any_order() -> Result<()> {
    let setting = Setting::make().await?;
    let stranger = setting.devnet.client(Actor::Stranger);
    let (ether_first, _) = setting.unlock(ETH, ether(3)).await?;
    let (tokens_second, _) = setting.unlock(setting.token, U256::from(400)).await?;
    let [of_ether, of_tokens] = finals(&setting.devnet, [&ether_first, &tokens_second]).await?;

    stranger.execute(&of_tokens).await?;
    assert_eq!((setting.ether().await?, setting.tokens().await?), (U256::ZERO, U256::from(400)));
    stranger.execute(&of_ether).await?;
    assert_eq!((setting.ether().await?, setting.tokens().await?), (ether(3), U256::from(400)));
    setting.devnet.check_conservation(&[]).await
}

#[tokio::test]
async fn an_unlock_that_comes_too_late_is_refused() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let (message, deadline) = setting.unlock(ETH, ether(3)).await?;
    let [unlock] = finals(devnet, [&message]).await?;

    devnet.warp_to(deadline.to::<u64>() + 1).await?;
    let error = refused::<Vault::UnlockExpired>(devnet, &unlock, &message).await?;
    assert_eq!(error.deadline, deadline);
    assert_eq!(setting.ether().await?, U256::ZERO);
    Ok(())
}

/// Of an unlock and its revocation the one that arrives first counts, and the other is done with, or never can be.
#[tokio::test]
async fn a_revocation_counts_if_it_arrives_first() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    let stranger = devnet.client(Actor::Stranger);
    let (first, _) = setting.unlock(ETH, ether(1)).await?;
    let (second, _) = setting.unlock(ETH, ether(2)).await?;
    let (of_first, of_second) = (setting.revoke(0).await?, setting.revoke(1).await?);
    let messages = [&first, &second, &of_first, &of_second];
    let [unlock_first, unlock_second, revoke_first, revoke_second] = finals(devnet, messages).await?;

    stranger.execute(&revoke_first).await?;
    let error = refused::<Vault::AlreadyUsed>(devnet, &unlock_first, &first).await?;
    assert_eq!(error.id, U256::ZERO);
    assert_eq!(setting.ether().await?, U256::ZERO);

    stranger.execute(&unlock_second).await?;
    stranger.execute(&revoke_second).await?;
    assert_eq!(stranger.status(&of_second).await?, Status::Finalized);
    assert_eq!(setting.ether().await?, ether(2));
    Ok(())
}

/// What another account of L2 tells the vault is nothing to it.
#[tokio::test]
async fn obeys_nobody_but_its_key() -> Result<()> {
    let setting = Setting::make().await?;
    let devnet = &setting.devnet;
    devnet.fund(Actor::Mallory, ether(1)).await?;
    let (to, amount) = (devnet.address(Actor::Mallory), ether(5));
    let call = Vault::unlockCall { id: U256::ZERO, token: ETH, to, amount, deadline: U256::MAX };
    let message = devnet.withdraw(Actor::Mallory, setting.vault, U256::ZERO, 200_000, call.abi_encode()).await?;
    let [theft] = finals(devnet, [&message]).await?;

    let error = refused::<NotL2Sender>(devnet, &theft, &message).await?;
    assert_eq!(error, NotL2Sender { received: to, expected: setting.key });
    assert_eq!(devnet.l1().get_balance(setting.vault).await?, ether(5));
    assert!(!Vault::new(setting.vault, devnet.l1()).isUsed(U256::ZERO).call().await?);
    Ok(())
}
