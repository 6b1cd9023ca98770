// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {BridgedToken} from "../../src/gateway/BridgedToken.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {IL1Endpoint} from "../../src/gateway/IL1Endpoint.sol";
import {ITokenGateway} from "../../src/gateway/ITokenGateway.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Receiver} from "../support/Receivers.sol";
import {Puppet} from "../support/Targets.sol";
import {Manner, OddToken, PlainNFT, PlainToken} from "../support/Tokens.sol";

/// @notice What a user of the L1 side does with a well-behaved token, and what is refused.
contract L1TokenGatewayTest is GatewayTest {
    PlainToken private token;
    BridgedToken private twin;

    function setUp() public override {
        super.setUp();
        token = new PlainToken("Plain Token", "PLAIN", 6);
        twin = BridgedToken(l2Gateway.twinOf(address(token)));
        token.mint(ALICE, 1000);
        vm.prank(ALICE);
        token.approve(address(l1Gateway), type(uint256).max);
    }

    function test_FirstDepositRegistersAndMintsTwin() public {
        assertFalse(l1Gateway.isRegistered(address(token)));
        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokenRegistered(address(token), 0);
        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokensSent(address(token), ALICE, BOB, 100, 1, "");
        assertEq(depositTokens(address(token), ALICE, BOB, 100, ""), 1, "after the registration");
        assertTrue(l1Gateway.isRegistered(address(token)));

        collect();
        vm.expectEmit(address(l2Gateway));
        emit IGateway.TwinCreated(address(token), address(twin));
        assertTrue(run(queued[0]));
        vm.expectEmit(address(l2Gateway));
        emit IGateway.TokensReceived(address(twin), ALICE, BOB, 100, "");
        assertTrue(run(queued[1]));

        assertEq(token.balanceOf(address(l1Gateway)), 100, "locked");
        assertEq(twin.balanceOf(BOB), 100);
        assertEq(twin.totalSupply(), 100);
        assertEq(twin.name(), "Plain Token");
        assertEq(twin.symbol(), "PLAIN");
        assertEq(twin.decimals(), 6);
        assertEq(twin.homeToken(), address(token));
        assertEq(twin.GATEWAY(), address(l2Gateway));
        assertEq(l2Gateway.homeOf(address(twin)), address(token));
        assertFalse(l2Gateway.isRegistered(address(twin)));
        assertEq(l1Gateway.homeOf(address(token)), address(0), "not a twin");
        assertFalse(l1Gateway.isRegistered(address(0)));
    }

    /// Anyone can compute it: the clone's code is known, and the salt is the token.
    function test_TwinIsWhereCreate2PutsIt() public view {
        bytes memory initCode = abi.encodePacked(
            hex"3d602d80600a3d3981f3363d3d373d3d3d363d73",
            l2Gateway.TWIN_IMPLEMENTATION(),
            hex"5af43d82803e903d91602b57fd5bf3"
        );
        assertEq(
            address(twin),
            vm.computeCreate2Address(bytes32(uint256(uint160(address(token)))), keccak256(initCode), address(l2Gateway))
        );
    }

    function test_LaterDepositIsOneMessage() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        (, uint64 count,) = bridge.queue();
        assertEq(l1Gateway.quote(address(token), L2_GAS), bridge.quote(L2_GAS));
        assertEq(depositTokens(address(token), ALICE, BOB, 11, ""), count);
        assertEq(deliver(), 0);
        assertEq(twin.balanceOf(BOB), 111);
    }

    function test_RegistrationAgainChangesNothing() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        uint256 fee = bridge.quote(l1Gateway.REGISTRATION_GAS_LIMIT());
        hoax(STRANGER, 1 ether);
        l1Gateway.registerToken{value: 1 ether}(address(token), fee);
        assertEq(STRANGER.balance, 1 ether - fee);
        assertEq(deliver(), 0);
        assertEq(twin.balanceOf(BOB), 100);
        assertEq(twin.name(), "Plain Token");
    }

    function testFuzz_ThereAndBack(uint256 amount, uint256 back) public {
        amount = bound(amount, 1, type(uint256).max - 1000);
        back = bound(back, 1, amount);
        token.mint(ALICE, amount);
        depositTokens(address(token), ALICE, BOB, amount, "");
        assertEq(deliver(), 0);
        assertEq(twin.totalSupply(), amount);

        withdrawTokens(address(twin), BOB, BOB, back, "");
        assertEq(twin.totalSupply(), amount - back, "burned at once");
        assertEq(token.balanceOf(BOB), 0, "released by the claim alone");
        collect();
        bytes32 commitment = publish(sent);
        bytes32[] memory proof = proofOf(sent, 0);
        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokensReceived(address(token), BOB, BOB, back, "");
        bridge.executeMessage(sent[0], commitment, proof);
        assertEq(token.balanceOf(BOB), back);
        assertEq(token.balanceOf(address(l1Gateway)), amount - back);
    }

    function test_RestOfEthGoesBack() public {
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        l1Gateway.deposit{value: 1 ether}(address(token), BOB, 100, L2_GAS, fee, "");
        assertEq(ALICE.balance, before - fee);
        assertEq(address(l1Gateway).balance, 0);
        deliver();
        for (uint256 i; i < queued.length; ++i) {
            assertEq(queued[i].sender, AddressAlias.alias_(address(l1Gateway)));
            assertEq(queued[i].mint, 0, "the alias gets no ETH");
        }
    }

    function test_DepositorThatTakesNoEthSendsExactlyTheFee() public {
        Puppet puppet = new Puppet();
        token.mint(address(puppet), 100);
        puppet.act(address(token), 0, abi.encodeCall(token.approve, (address(l1Gateway), 100)));
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        bytes memory call = abi.encodeCall(l1Gateway.deposit, (address(token), BOB, 100, L2_GAS, fee, ""));
        vm.deal(address(puppet), 2 * fee);
        vm.expectRevert(Errors.FailedCall.selector);
        puppet.act(address(l1Gateway), fee + 1, call);

        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokensSent(address(token), address(puppet), BOB, 100, 1, "");
        puppet.act(address(l1Gateway), fee, call);
    }

    function test_RevertWhen_FeeIsAboveMaximum() public {
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.FeeAboveMaximum.selector, fee, fee - 1));
        vm.prank(ALICE);
        l1Gateway.deposit{value: fee}(address(token), BOB, 100, L2_GAS, fee - 1, "");
    }

    function test_RevertWhen_EthIsLessThanFee() public {
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        // What is here by force pays for nobody.
        vm.deal(address(l1Gateway), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, fee - 1, fee));
        vm.prank(ALICE);
        l1Gateway.deposit{value: fee - 1}(address(token), BOB, 100, L2_GAS, fee, "");
    }

    function test_RevertWhen_RegistrationIsNotPaid() public {
        uint256 fee = bridge.quote(l1Gateway.REGISTRATION_GAS_LIMIT());
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, fee - 1, fee));
        vm.prank(ALICE);
        l1Gateway.registerToken{value: fee - 1}(address(token), fee);
    }

    function test_RevertWhen_GasLimitIsBelowMinimum() public {
        uint64 minimum = l1Gateway.minimumGasLimit(33);
        uint64 expected = bridge.minimumGasLimit(4 + 32 * 8) + 60_000;
        assertEq(minimum, expected);
        vm.expectRevert(abi.encodeWithSelector(IL1Endpoint.GasLimitBelowMinimum.selector, minimum - 1, minimum));
        vm.prank(ALICE);
        l1Gateway.deposit{value: 1 ether}(address(token), BOB, 100, minimum - 1, 1 ether, new bytes(33));
        vm.prank(ALICE);
        l1Gateway.deposit{value: 1 ether}(address(token), BOB, 100, minimum, 1 ether, new bytes(33));
    }

    /// The first deposit, with gas for the registration on top.
    function test_RevertWhen_GasLimitIsTheLargestNumber() public {
        uint256 fee = bridge.quote(type(uint64).max);
        assertEq(l1Gateway.quote(address(token), type(uint64).max), fee);
        vm.expectRevert(abi.encodeWithSelector(IMessageQueue.InsufficientFee.selector, 1 ether, fee));
        hoax(ALICE, 1 ether);
        l1Gateway.deposit{value: 1 ether}(address(token), BOB, 100, type(uint64).max, fee, "");
    }

    function test_DepositWithPermitIsOneTransaction() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        token.mint(owner, 100);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, 100);
        hoax(owner, 1 ether);
        l1Gateway.depositWithPermit{value: 1 ether}(
            address(token), BOB, 100, L2_GAS, 1 ether, "", type(uint256).max, v, r, s
        );
        deliver();
        assertEq(twin.balanceOf(BOB), 100);
        assertEq(token.allowance(owner, address(l1Gateway)), 0);
    }

    function test_PermitUsedByAnotherDoesNoHarm() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        token.mint(owner, 100);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, 100);
        vm.prank(STRANGER);
        token.permit(owner, address(l1Gateway), 100, type(uint256).max, v, r, s);
        hoax(owner, 1 ether);
        l1Gateway.depositWithPermit{value: 1 ether}(
            address(token), BOB, 100, L2_GAS, 1 ether, "", type(uint256).max, v, r, s
        );
        assertEq(token.balanceOf(address(l1Gateway)), 100);
    }

    function test_RevertWhen_PermitIsAnothers() public {
        (address owner, uint256 key) = makeAddrAndKey("owner");
        token.mint(owner, 100);
        (uint8 v, bytes32 r, bytes32 s) = signPermit(key, 100);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(l1Gateway), 0, 100)
        );
        hoax(STRANGER, 1 ether);
        l1Gateway.depositWithPermit{value: 1 ether}(
            address(token), STRANGER, 100, L2_GAS, 1 ether, "", type(uint256).max, v, r, s
        );
    }

    function test_RevertWhen_NothingIsSent() public {
        expectDepositRevert(
            abi.encodeWithSelector(IGateway.NothingReceived.selector, token), address(token), ALICE, BOB, 0
        );
    }

    function test_RevertWhen_RecipientWouldLoseTokens() public {
        address[3] memory recipients = [address(0), address(l2Gateway), address(token)];
        for (uint256 i; i < recipients.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IGateway.InvalidRecipient.selector, recipients[i]);
            expectDepositRevert(reason, address(token), ALICE, recipients[i], 100);
        }
    }

    function test_RevertWhen_TokenIsNone() public {
        address[5] memory tokens = [address(0), STRANGER, address(bridge), address(l1Gateway), address(new PlainNFT())];
        for (uint256 i; i < tokens.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IGateway.InvalidToken.selector, tokens[i]);
            expectDepositRevert(reason, tokens[i], ALICE, BOB, 1);
            vm.expectRevert(reason);
            hoax(STRANGER, 1 ether);
            l1Gateway.registerToken{value: 1 ether}(tokens[i], 1 ether);
        }
    }

    /// A revert is no answer, whatever comes with it.
    function test_RevertWhen_TokenRevertsWhenAsked() public {
        bytes4[2] memory questions = [IERC20.balanceOf.selector, IERC20.allowance.selector];
        for (uint256 i; i < questions.length; ++i) {
            OddToken odd = new OddToken();
            odd.setManner(questions[i], Manner.Reverts, "");
            bytes memory reason = abi.encodeWithSelector(IGateway.InvalidToken.selector, odd);
            expectDepositRevert(reason, address(odd), ALICE, BOB, 1);
        }
    }

    function test_EoaDelegatedByEip7702DepositsAsItself() public {
        vm.etch(ALICE, abi.encodePacked(hex"ef0100", address(new Puppet())));
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        vm.expectEmit(address(l1Gateway));
        emit IGateway.TokensSent(address(token), ALICE, ALICE, 100, 1, "");
        vm.prank(ALICE, STRANGER);
        l1Gateway.deposit{value: fee}(address(token), ALICE, 100, L2_GAS, fee, "");
        deliver();
        assertEq(twin.balanceOf(ALICE), 100);
        assertEq(queued[0].sender, AddressAlias.alias_(address(l1Gateway)), "the gateway is a contract");
    }

    function test_ContractSenderIsNamedByItsOwnAddress() public {
        Puppet puppet = new Puppet();
        Receiver receiver = new Receiver();
        token.mint(address(puppet), 100);
        puppet.act(address(token), 0, abi.encodeCall(token.approve, (address(l1Gateway), 100)));
        uint256 fee = l1Gateway.quote(address(token), L2_GAS);
        vm.deal(address(puppet), fee);
        puppet.act(
            address(l1Gateway),
            fee,
            abi.encodeCall(l1Gateway.deposit, (address(token), address(receiver), 100, L2_GAS, fee, "hello"))
        );
        assertEq(deliver(), 0);
        assertEq(receiver.from(), address(puppet), "not its alias");
    }

    function test_CallOnArrivalOnL1() public {
        Receiver receiver = new Receiver();
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        withdrawTokens(address(twin), BOB, address(receiver), 40, "hello");
        claimLast();
        assertEq(receiver.calls(), 1);
        assertEq(receiver.caller(), address(l1Gateway));
        assertEq(receiver.token(), address(token));
        assertEq(receiver.from(), BOB);
        assertEq(receiver.sent(), 40);
        assertEq(receiver.amountOrId(), 40);
        assertEq(receiver.data(), "hello");
        assertEq(token.balanceOf(address(receiver)), 40);
    }

    /// A recipient that refuses undoes the release, and the message stays claimable until it accepts.
    function test_RefusedArrivalOnL1StaysClaimable() public {
        Receiver receiver = new Receiver();
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        uint64 index = withdrawTokens(address(twin), BOB, address(receiver), 40, "hello");
        receiver.setAnswer(0xdeadbeef);
        assertEq(
            claimFails(index), abi.encodeWithSelector(IGateway.CallNotAccepted.selector, receiver, bytes4(0xdeadbeef))
        );
        receiver.setRefusal("no");
        assertEq(claimFails(index), "no");
        assertEq(token.balanceOf(address(l1Gateway)), 100, "still locked");
        receiver.setRefusal("");
        receiver.setAnswer(0);
        claim(index);
        assertEq(token.balanceOf(address(receiver)), 40);
    }

    function test_CallOnArrivalToAccountWithoutCodeStaysClaimable() public {
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        uint64 index = withdrawTokens(address(twin), BOB, STRANGER, 40, "hello");
        assertEq(claimFails(index), "");
        vm.etch(STRANGER, address(new Receiver()).code);
        claim(index);
        assertEq(token.balanceOf(STRANGER), 40);
    }

    function test_RevertWhen_CallerIsNotBridge() public {
        bytes memory reason = abi.encodeWithSelector(IL1Endpoint.NotBridge.selector, STRANGER, bridge);
        token.mint(address(l1Gateway), 100);
        vm.startPrank(STRANGER);
        vm.expectRevert(reason);
        l1Gateway.release(address(token), STRANGER, STRANGER, 100, "");
        vm.expectRevert(reason);
        l1Gateway.mint(address(token), STRANGER, STRANGER, 100, "");
        vm.expectRevert(reason);
        l1Gateway.register(address(token), "", "", 0);
    }

    function test_RevertWhen_MessageIsNotPeers() public {
        token.mint(address(l1Gateway), 100);
        bytes[3] memory calls = [
            abi.encodeCall(IGateway.release, (address(token), STRANGER, STRANGER, 100, "")),
            abi.encodeCall(IGateway.mint, (address(token), STRANGER, STRANGER, 100, "")),
            abi.encodeCall(ITokenGateway.register, (address(token), "", "", 0))
        ];
        for (uint64 i; i < calls.length; ++i) {
            vm.prank(STRANGER);
            OUTBOX.send(address(l1Gateway), L1_GAS, calls[i]);
            assertEq(claimFails(i), abi.encodeWithSelector(IEndpoint.NotPeer.selector, STRANGER, l2Gateway));
        }
    }

    /// While the peer's message is being executed, its recipient executes one of its own: that has another sender.
    function test_NestedMessageIsNotPeers() public {
        Receiver receiver = new Receiver();
        depositTokens(address(token), ALICE, BOB, 100, "");
        deliver();
        vm.prank(STRANGER);
        OUTBOX.send(
            address(l1Gateway), 0, abi.encodeCall(IGateway.release, (address(token), STRANGER, STRANGER, 60, ""))
        );
        uint64 index = withdrawTokens(address(twin), BOB, address(receiver), 40, "hello");
        collect();
        bytes32 commitment = publish(sent);
        receiver.setCall(
            address(bridge), abi.encodeCall(bridge.executeMessage, (sent[0], commitment, proofOf(sent, 0)))
        );
        bridge.executeMessage(sent[index], commitment, proofOf(sent, index));
        assertEq(receiver.calls(), 1);
        assertFalse(receiver.succeeded());
        assertFalse(bridge.isFinalized(0));
        assertEq(token.balanceOf(STRANGER), 0);
        assertEq(token.balanceOf(address(l1Gateway)), 60);
    }

    function signPermit(uint256 key, uint256 amount) private view returns (uint8 v, bytes32 r, bytes32 s) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                vm.addr(key),
                address(l1Gateway),
                amount,
                token.nonces(vm.addr(key)),
                type(uint256).max
            )
        );
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }
}
