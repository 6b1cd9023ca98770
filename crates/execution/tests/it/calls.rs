//! Calls without commitment.

use alloy_primitives::{Address, U256};
use postern_execution::{CallOutcome, CallRequest, call, estimate_gas};
use postern_protocol::constants::MAX_QUEUED_GAS_LIMIT;
use postern_testing::chain::*;
use revm::context::result::InvalidTransaction;

const TARGET: Address = Address::repeat_byte(0xbb);
const CALLER: Address = Address::repeat_byte(0xaa);

fn ask(chain: &Chain, request: &CallRequest) -> CallOutcome {
    call(&mut chain.state(), &chain.head, CHAIN_ID, request).unwrap()
}

fn request() -> CallRequest {
    CallRequest { from: CALLER, to: Some(TARGET), ..Default::default() }
}

#[test]
fn returns_what_the_call_returns_and_keeps_nothing() {
    let accounts = [(TARGET, contract(code::COUNT)), (CALLER, funded(ETHER))];
    let chain = Chain::new(accounts);
    let mut state = chain.state();
    for _ in 0..2 {
        let outcome = call(&mut state, &chain.head, CHAIN_ID, &request()).unwrap();
        assert!(matches!(outcome, CallOutcome::Success { gas_used: 43_000.., .. }), "{outcome:?}");
        assert_eq!(state.storage(TARGET, U256::ZERO).unwrap(), U256::ZERO);
        assert_eq!(state.commit().unwrap().root, chain.output.state_root);
    }
    // A block's number, from the environment of the head: NUMBER, MSTORE(0), RETURN(0, 32).
    let init = CallRequest { to: None, data: bytes("435f5260205ff3"), ..request() };
    let CallOutcome::Success { output, .. } = ask(&chain, &init) else { panic!("must succeed") };
    assert_eq!(U256::from_be_slice(&output), U256::ZERO);
}

#[test]
fn says_how_a_call_fails() {
    // MSTORE(0, 1), REVERT(0, 32)
    let chain =
        Chain::new([(TARGET, contract("60015f5260205ffd")), (Address::repeat_byte(0xcc), contract(code::BURN))]);
    let CallOutcome::Revert { output, .. } = ask(&chain, &request()) else { panic!("must revert") };
    assert_eq!(U256::from_be_slice(&output), U256::ONE);
    let burn = CallRequest { to: Some(Address::repeat_byte(0xcc)), ..request() };
    assert!(matches!(ask(&chain, &burn), CallOutcome::Halt { gas_used: MAX_QUEUED_GAS_LIMIT, .. }));
    let rich = CallRequest { value: U256::ONE, ..request() };
    assert!(matches!(ask(&chain, &rich), CallOutcome::Invalid(InvalidTransaction::LackOfFundForMaxFee { .. })));
}

#[test]
fn estimates_within_what_the_caller_can_pay() {
    let chain = Chain::new([(CALLER, funded(U256::from(30_000 * 1_000 + 5)))]);
    let request = CallRequest { gas_price: 1_000, value: U256::from(5), ..request() };
    let estimate = |request: &CallRequest| estimate_gas(&mut chain.state(), &chain.head, CHAIN_ID, request).unwrap();
    assert_eq!(estimate(&request), Ok(21_000));
    let poor = estimate(&CallRequest { gas_price: 2_000, ..request.clone() });
    assert!(matches!(poor, Err(CallOutcome::Invalid(InvalidTransaction::CallGasCostMoreThanGasLimit { .. }))));
    let poor = estimate(&CallRequest { value: ETHER, ..request });
    assert!(matches!(poor, Err(CallOutcome::Invalid(_))));
}

#[test]
fn estimates_the_least_gas() {
    // CALL(GAS, COUNT contract, …) and revert if that fails: needs more than it uses, for the 64th that a call holds back.
    let inner = Address::repeat_byte(0xcc);
    let relay = format!("5f5f5f5f5f73{}5af16022575f5ffd5b00", &format!("{inner:x}"));
    let chain = Chain::new([(TARGET, contract(&relay)), (inner, contract(code::COUNT))]);
    for request in [
        request(),
        CallRequest { to: Some(inner), ..request() },
        CallRequest { to: Some(CALLER), ..request() },
        CallRequest { to: Some(CALLER), data: vec![1; 100].into(), ..request() },
    ] {
        let least = estimate_gas(&mut chain.state(), &chain.head, CHAIN_ID, &request).unwrap().unwrap();
        let with = |gas_limit| ask(&chain, &CallRequest { gas_limit: Some(gas_limit), ..request.clone() });
        assert!(with(least).is_success());
        assert!(!with(least - 1).is_success());
    }
    let chain = Chain::new([(TARGET, contract(code::REVERT))]);
    let failure = estimate_gas(&mut chain.state(), &chain.head, CHAIN_ID, &request()).unwrap();
    assert!(matches!(failure, Err(CallOutcome::Revert { .. })));
}
