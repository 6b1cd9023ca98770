// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IGateway} from "../../src/gateway/IGateway.sol";
import {Message} from "../../src/types/Message.sol";
import {GasTest} from "../support/GasTest.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {PosternTest} from "../support/PosternTest.sol";
import {PlainToken} from "../support/Tokens.sol";

/// @notice What ERC-20s cost on their way across, as whole transactions, like the figures of `PeersTest` and in the same file.
///
/// The token is OpenZeppelin's ERC-20, of L1, registered, with some of it locked. Those who send and receive have some of it
/// before and after, and the approval is not used up.
contract GatewaysGasTest is GatewayTest, GasTest {
    address private immutable RECIPIENT = makeAddr("recipient");

    PlainToken private token;

    function setUp() public override(PosternTest, GatewayTest) {
        super.setUp();
        token = new PlainToken("Plain Token", "PLAIN", 18);
        token.mint(USER, 1000 ether);
        vm.prank(USER, USER);
        token.approve(address(l1Gateway), 1000 ether);
        depositTokens(address(token), USER, USER, 400 ether, "");
        deliver();
        mine(1);
    }

    function test_DepositErc20() public {
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        vm.deal(USER, 1 ether);
        vm.prank(USER, USER);
        l1Gateway.deposit{value: fee}(address(token), USER, 1.2 ether, L2_GAS, fee, "");
        record("deposit_erc20", 110_000);
    }

    function test_ExecuteErc20UsedWord() public {
        Message memory message = makeRelease(INDEX + 1, RECIPIENT, 1.2 ether);
        bytes32 commitment = publishDeep(message);
        useWord();
        bytes32[] memory proof = siblings(DEPTH);
        vm.prank(RELAYER, RELAYER);
        bridge.executeMessage(message, commitment, proof);
        record("withdraw_erc20_execute_used_word", 105_000);
        assertEq(token.balanceOf(RECIPIENT), 2.2 ether);
    }

    /// 32 withdrawals that follow one another, to 32 accounts.
    function test_ExecuteErc20Batch() public {
        Message[] memory messages = new Message[](BATCH_LENGTH);
        for (uint64 i; i < BATCH_LENGTH; ++i) {
            address recipient = makeAddr(string.concat("recipient ", vm.toString(i)));
            messages[i] = makeRelease(INDEX + BATCH_LENGTH + i, recipient, 1.2 ether + i);
        }
        bytes32 commitment = publishDeep(messages);
        useWord();
        bytes32[] memory proof = siblings(DEPTH - BATCH_HEIGHT);
        vm.prank(RELAYER, RELAYER);
        bool[] memory executed = bridge.executeMessages(messages, commitment, DEPTH, proof);
        recordValue("withdraw_erc20_batch32_per_message", vm.lastCallGas().gasTotalUsed / BATCH_LENGTH, 55_000);
        for (uint256 i; i < BATCH_LENGTH; ++i) {
            assertTrue(executed[i]);
        }
    }

    /// @dev The peer's message that releases tokens, to an account that has some.
    function makeRelease(uint64 index, address recipient, uint256 amount) private returns (Message memory message) {
        token.mint(recipient, 1 ether);
        bytes memory data = abi.encodeCall(IGateway.release, (address(token), USER, recipient, amount, ""));
        message = makeCall(index, address(l1Gateway), L1_GAS, data);
        message.sender = address(l2Gateway);
    }
}
