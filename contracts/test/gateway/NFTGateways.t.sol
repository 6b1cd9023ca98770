// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {BridgedNFT} from "../../src/gateway/BridgedNFT.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {IL1Endpoint} from "../../src/gateway/IL1Endpoint.sol";
import {INFTGateway} from "../../src/gateway/INFTGateway.sol";
import {ITwin} from "../../src/gateway/ITwin.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Receiver} from "../support/Receivers.sol";
import {CallbackNFT, IdleNFT, PlainNFT, PlainToken, TokenHolder} from "../support/Tokens.sol";

/// @notice ERC-721s across the bridge. What the gateways share with those of ERC-20s is tested there.
contract NFTGatewaysTest is GatewayTest {
    uint256 private constant ID = uint256(keccak256("a token"));

    PlainNFT private token;
    BridgedNFT private twin;

    function setUp() public override {
        super.setUp();
        token = new PlainNFT();
        twin = BridgedNFT(l2NFTGateway.twinOf(address(token)));
        token.mint(ALICE, ID);
        token.mint(ALICE, 0);
        vm.startPrank(ALICE);
        token.setApprovalForAll(address(l1NFTGateway), true);
        token.setApprovalForAll(address(l2NFTGateway), true);
        vm.stopPrank();
    }

    function test_ThereAndBack() public {
        vm.expectEmit(address(l1NFTGateway));
        emit IGateway.TokensSent(address(token), ALICE, BOB, ID, 1, "");
        depositNFT(address(token), ALICE, BOB, ID, "");
        assertEq(deliver(), 0);
        assertEq(token.ownerOf(ID), address(l1NFTGateway));
        assertEq(twin.ownerOf(ID), BOB);
        assertEq(twin.name(), "Plain Collection");
        assertEq(twin.symbol(), "PLAIN");
        assertEq(twin.homeToken(), address(token));
        assertEq(
            twin.tokenURI(ID),
            string.concat(
                "ethereum:",
                Strings.toChecksumHexString(address(token)),
                "@31337/tokenURI?uint256=",
                Strings.toString(ID)
            )
        );

        vm.prank(BOB);
        l2NFTGateway.withdraw(address(twin), STRANGER, ID, L1_GAS, "");
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, ID));
        twin.tokenURI(ID);
        claimLast();
        assertEq(token.ownerOf(ID), STRANGER);
    }

    /// Zero is an id like any other.
    function test_NativeOfL2ThereAndBack() public {
        vm.prank(ALICE);
        l2NFTGateway.withdraw(address(token), BOB, 0, L1_GAS, "");
        claim(0);
        claim(1);
        BridgedNFT l1Twin = BridgedNFT(l1NFTGateway.twinOf(address(token)));
        assertEq(l1Twin.ownerOf(0), BOB);
        depositNFT(address(l1Twin), BOB, STRANGER, 0, "");
        assertEq(deliver(), 0);
        assertEq(token.ownerOf(0), STRANGER);
    }

    function test_CallOnArrivalOnL2() public {
        Receiver receiver = new Receiver();
        depositNFT(address(token), ALICE, address(receiver), ID, "hello");
        assertEq(deliver(), 0);
        assertEq(receiver.caller(), address(l2NFTGateway));
        assertEq(receiver.token(), address(twin));
        assertEq(receiver.from(), ALICE);
        assertEq(receiver.amountOrId(), ID);
        assertEq(receiver.data(), "hello");
        assertEq(twin.ownerOf(ID), address(receiver));
    }

    function test_CallOnArrivalOnL1() public {
        Receiver receiver = new Receiver();
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        vm.prank(BOB);
        l2NFTGateway.withdraw(address(twin), address(receiver), ID, L1_GAS, "hello");
        receiver.setAnswer(0xdeadbeef);
        assertEq(claimFails(0), abi.encodeWithSelector(IGateway.CallNotAccepted.selector, receiver, bytes4(0xdeadbeef)));
        receiver.setAnswer(0);
        claim(0);
        assertEq(receiver.from(), BOB);
        assertEq(token.ownerOf(ID), address(receiver));
    }

    function test_UndeliveredIsRedeliveredOrSentBack() public {
        Receiver receiver = new Receiver();
        receiver.setRefusal("closed");
        depositNFT(address(token), ALICE, address(receiver), ID, "hello");
        depositNFT(address(token), ALICE, address(receiver), 0, "hello");
        assertEq(deliver(), 2);
        vm.prank(ALICE, ALICE);
        l2NFTGateway.sendBack(undelivered[0]);
        claimLast();
        assertEq(token.ownerOf(ID), ALICE);
        receiver.setRefusal("");
        l2NFTGateway.redeliver(undelivered[1]);
        assertEq(twin.ownerOf(0), address(receiver));
    }

    function test_RevertWhen_TokenIsNone() public {
        PlainToken erc20 = new PlainToken("Token", "T", 18);
        address[3] memory tokens = [address(erc20), STRANGER, address(l1NFTGateway)];
        for (uint256 i; i < tokens.length; ++i) {
            uint256 fee = l1NFTGateway.quote(tokens[i], L2_GAS);
            vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidToken.selector, tokens[i]));
            hoax(ALICE, fee);
            l1NFTGateway.deposit{value: fee}(tokens[i], BOB, 1, L2_GAS, fee, "");
        }
    }

    /// The owner approved the gateway, and somebody else deposits what is theirs.
    function test_RevertWhen_TokenIsAnothers() public {
        expectNotOwner(address(token), STRANGER, ID, ALICE, STRANGER);
    }

    function test_RevertWhen_TwinIsAnothers() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, STRANGER, ID, BOB));
        vm.prank(STRANGER);
        l2NFTGateway.withdraw(address(twin), STRANGER, ID, L1_GAS, "");
    }

    /// It says that it moved, and did not.
    function test_RevertWhen_TokenDoesNotArrive() public {
        IdleNFT idle = new IdleNFT();
        idle.mint(ALICE, ID);
        expectNotOwner(address(idle), ALICE, ID, ALICE, address(l1NFTGateway));
    }

    /// What is locked for another cannot be locked again: a token that lets anyone pretend to move it would have two owners.
    function test_RevertWhen_TokenIsLockedAlready() public {
        IdleNFT idle = new IdleNFT();
        idle.mint(address(l1NFTGateway), ID);
        expectNotOwner(address(idle), STRANGER, ID, address(l1NFTGateway), STRANGER);
    }

    /// A token that is not here, of a peer gone wrong or one that was taken back, cannot be released.
    function test_ReleaseThatMovesNothingStaysClaimable() public {
        IdleNFT idle = new IdleNFT();
        vm.startPrank(address(l2NFTGateway));
        OUTBOX.send(address(l1NFTGateway), L1_GAS, abi.encodeCall(IGateway.release, (address(idle), BOB, BOB, ID, "")));
        vm.stopPrank();
        idle.mint(STRANGER, ID);
        assertEq(claimFails(0), abi.encodeWithSelector(INFTGateway.NotOwner.selector, STRANGER, l1NFTGateway));
        idle.give(address(l1NFTGateway), ID);
        assertEq(claimFails(0), abi.encodeWithSelector(INFTGateway.NotOwner.selector, l1NFTGateway, BOB));
    }

    function test_Callback_NestedDepositIsRefused() public {
        CallbackNFT callback = new CallbackNFT();
        TokenHolder attacker = new TokenHolder();
        vm.deal(address(attacker), 10 ether);
        callback.mint(address(attacker), ID);
        attacker.act(address(callback), 0, abi.encodeCall(IERC721.setApprovalForAll, (address(l1NFTGateway), true)));
        bytes memory call =
            abi.encodeCall(l1NFTGateway.deposit, (address(callback), address(attacker), ID, L2_GAS, 1 ether, ""));
        attacker.setCall(address(l1NFTGateway), call, false);
        attacker.setValue(1 ether);
        attacker.act(address(l1NFTGateway), 1 ether, call);
        assertTrue(attacker.called());
        assertFalse(attacker.succeeded());
        assertEq(
            attacker.returned(), abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector)
        );
        assertEq(deliver(), 0);
        assertEq(queued.length, 2, "registration and one deposit");
    }

    function test_RevertWhen_MessageIsNotPeers() public {
        vm.prank(ALICE);
        token.transferFrom(ALICE, address(l1NFTGateway), ID);
        bytes memory call = abi.encodeCall(IGateway.release, (address(token), STRANGER, STRANGER, ID, ""));
        vm.prank(STRANGER);
        OUTBOX.send(address(l1NFTGateway), L1_GAS, call);
        // The gateway of ERC-20s is no peer either.
        vm.prank(address(l2Gateway));
        OUTBOX.send(address(l1NFTGateway), L1_GAS, call);
        assertEq(claimFails(0), abi.encodeWithSelector(IEndpoint.NotPeer.selector, STRANGER, l2NFTGateway));
        assertEq(claimFails(1), abi.encodeWithSelector(IEndpoint.NotPeer.selector, l2Gateway, l2NFTGateway));
        vm.expectRevert(abi.encodeWithSelector(IL1Endpoint.NotBridge.selector, STRANGER, bridge));
        vm.prank(STRANGER);
        l1NFTGateway.register(address(token), "", "", 1);
        vm.expectRevert(
            abi.encodeWithSelector(IEndpoint.NotPeer.selector, STRANGER, AddressAlias.alias_(address(l1NFTGateway)))
        );
        vm.prank(STRANGER);
        l2NFTGateway.register(address(token), "", "", 1);
    }

    function test_RevertWhen_CallerIsNotTwinsGateway() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        bytes memory reason = abi.encodeWithSelector(ITwin.NotGateway.selector, BOB, l2NFTGateway);
        vm.startPrank(BOB);
        vm.expectRevert(reason);
        twin.mint(BOB, 7);
        vm.expectRevert(reason);
        twin.burn(BOB, ID);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        twin.initialize(STRANGER, "", "", 1);
        BridgedNFT implementation = BridgedNFT(l2NFTGateway.TWIN_IMPLEMENTATION());
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(STRANGER, "", "", 1);
    }

    function test_TwinIsAnErc721() public {
        depositNFT(address(token), ALICE, BOB, ID, "");
        deliver();
        assertTrue(twin.supportsInterface(type(IERC721).interfaceId));
        vm.prank(BOB);
        twin.transferFrom(BOB, STRANGER, ID);
        assertEq(twin.ownerOf(ID), STRANGER);
        assertEq(twin.homeChainId(), block.chainid);
    }

    function expectNotOwner(address token_, address from, uint256 tokenId, address received, address expected) private {
        uint256 fee = l1NFTGateway.quote(token_, L2_GAS);
        vm.expectRevert(abi.encodeWithSelector(INFTGateway.NotOwner.selector, received, expected));
        hoax(from, fee);
        l1NFTGateway.deposit{value: fee}(token_, from, tokenId, L2_GAS, fee, "");
    }

    function depositNFT(address token_, address from, address to, uint256 tokenId, bytes memory data)
        private
        returns (uint64)
    {
        uint256 fee = l1NFTGateway.quote(token_, L2_GAS);
        hoax(from, fee);
        return l1NFTGateway.deposit{value: fee}(token_, to, tokenId, L2_GAS, fee, data);
    }
}
