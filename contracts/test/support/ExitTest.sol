// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Claim, Terms} from "../../src/gateway/Claim.sol";
import {FastExit} from "../../src/gateway/FastExit.sol";
import {IFastExit} from "../../src/gateway/IFastExit.sol";
import {GatewayTest} from "./GatewayTest.sol";

/// @notice Withdrawals to the market, and those who fill them.
abstract contract ExitTest is GatewayTest {
    uint256 internal constant AMOUNT = 3 ether;
    uint256 internal constant FEE = 0.01 ether;

    address internal immutable RECIPIENT = makeAddr("recipient");
    address internal immutable FILLER = makeAddr("filler");
    address internal immutable BUYER = makeAddr("buyer");

    FastExit internal fastExit;

    function setUp() public virtual override {
        super.setUp();
        fastExit = FastExit(vm.deployCode("FastExit.sol:FastExit", abi.encode(bridge, l1Gateway)));
        vm.deal(FILLER, 100 ether);
        vm.deal(L2_USER, 100 ether);
    }

    /// @notice What a withdrawal asks for, for a day.
    function makeTerms(address recipient) internal view returns (Terms memory) {
        return Terms({recipient: recipient, fee: FEE, deadline: uint64(vm.getBlockTimestamp() + 1 days), salt: "salt"});
    }

    /// @notice The claim that a withdrawal by `L2_USER` is.
    function makeClaim(address token, uint256 amount, Terms memory terms) internal view returns (Claim memory) {
        return Claim({
            sender: L2_USER,
            token: token,
            amount: amount,
            recipient: terms.recipient,
            fee: terms.fee,
            deadline: terms.deadline,
            salt: terms.salt
        });
    }

    /// @notice Sends ETH to the market from L2.
    function exit(Terms memory terms) internal returns (uint64 index, Claim memory claimed) {
        vm.prank(L2_USER);
        index = OUTBOX.send{value: AMOUNT}(address(fastExit), L1_GAS, abi.encodeCall(IFastExit.settle, (terms)));
        claimed = makeClaim(address(0), AMOUNT, terms);
    }

    /// @notice Sends the twin of `token` to the market from L2, after a deposit of as much.
    function exitToken(address token, Terms memory terms) internal returns (uint64 index, Claim memory claimed) {
        depositOnL2(token, AMOUNT);
        address twin = l2Gateway.twinOf(token);
        uint256 amount = IERC20(twin).balanceOf(L2_USER);
        vm.prank(L2_USER);
        index = l2Gateway.withdraw(twin, address(fastExit), amount, L1_GAS, abi.encode(terms));
        claimed = makeClaim(token, amount, terms);
    }

    /// @notice Gives `L2_USER` the twin of tokens that `ALICE` has.
    function depositOnL2(address token, uint256 amount) internal {
        uint256 fee = l1Gateway.quote(token, L2_GAS);
        vm.deal(ALICE, ALICE.balance + fee);
        vm.startPrank(ALICE, ALICE);
        // Not all tokens return whether they did it.
        (bool success,) = token.call(abi.encodeCall(IERC20.approve, (address(l1Gateway), amount)));
        assertTrue(success);
        l1Gateway.deposit{value: fee}(token, L2_USER, amount, L2_GAS, fee, "");
        vm.stopPrank();
        assertEq(deliver(), 0);
    }

    /// @notice Fills with what the claim needs.
    function fill(address filler, Claim memory claimed, uint64 index) internal {
        uint256 payment = claimed.amount - claimed.fee;
        uint256 value = claimed.token == address(0) ? payment : 0;
        if (claimed.token != address(0)) {
            vm.prank(filler);
            (bool success,) = claimed.token.call(abi.encodeCall(IERC20.approve, (address(fastExit), payment)));
            assertTrue(success);
        }
        vm.prank(filler);
        fastExit.fill{value: value}(claimed, index);
    }
}
