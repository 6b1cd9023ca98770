// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {L1Gateway} from "../../src/gateway/L1Gateway.sol";
import {L2Gateway} from "../../src/gateway/L2Gateway.sol";
import {AddressAlias} from "../../src/libraries/AddressAlias.sol";
import {Manner} from "../support/Tokens.sol";
import {TokensHandler} from "./TokensHandler.sol";

/// @notice What holds for every token, whatever holders, recipients, relayers and tokens do on both chains. Under way is what
/// messages carry that were sent and have not done their work: those in L1's queue, those that could not be delivered on L2 and
/// wait there, and those of the outbox that were not executed.
///
/// 1. Backed. What the gateway at home holds of a token is what exists of its twin, what is under way, and what somebody put
///    there without sending it; to the unit. Also of a token that takes a fee, returns nothing, stands still, calls back, burns all
///    gas or reverts with a megabyte. Not of one whose balances change by themselves, or are a lie: nobody can say what of it there is.
/// 2. Counted. Of these too, what exists of the twin and is under way is what came to the gateway when it was sent, less what was
///    released. Nothing is minted from nothing, whatever a token says between two transfers.
/// 3. One place. A single token (ERC-721) is locked at home if and only if its twin exists, or one message carries it.
/// 4. Apart. No token's failure is another's: no message to L2 fails without a record, the queue goes on, and no gateway is left
///    with ETH or with twins. With 1 and 2 for each token by itself.
/// 5. Never lost. In the end, whatever was tried before, once tokens and recipients let it happen, everything that is under way
///    arrives or goes back, and all twins can be brought home: then none is left, and nothing is locked but what was put there.
contract TokensInvariants is TokensHandler {
    function setUp() public override {
        super.setUp();
        bytes4[] memory actions = new bytes4[](10);
        actions[0] = this.deposit.selector;
        actions[1] = this.relay.selector;
        actions[2] = this.redeliver.selector;
        actions[3] = this.sendBack.selector;
        actions[4] = this.withdraw.selector;
        actions[5] = this.claimSome.selector;
        actions[6] = this.transfer.selector;
        actions[7] = this.donate.selector;
        actions[8] = this.change.selector;
        actions[9] = this.plot.selector;
        targetContract(address(this));
        targetSelector(FuzzSelector(address(this), actions));
    }

    /// @dev All in one, as forge plays the same calls anew for every invariant.
    /// forge-config: default.invariant.runs = 4
    /// forge-config: default.invariant.depth = 500
    function invariant_Tokens() public view {
        checkBooks();
        checkPlaces();
        checkApart();
    }

    function afterInvariant() public {
        failAndReturn();
        requireReached("deposit");
        requireReached("deposit refused");
        requireReached("delivery failed");
        requireReached("redelivered");
        requireReached("redelivery failed");
        requireReached("sent back");
        requireReached("sending back refused");
        requireReached("withdrawal");
        requireReached("withdrawal refused");
        requireReached("claim");
        requireReached("claim refused");
        checkNeverLost();
    }

    /// @dev Rare by chance: tokens with a call that nobody takes, either way; they come at last, or go back.
    function failAndReturn() private {
        makePeace();
        for (uint256 place; place < assets.length; ++place) {
            if (assets[place].books == Books.NonFungible) continue;
            receiver.setRefusal("no");
            // To the receiver, with a call, and with gas for all of it.
            deposit({seed: place, from: 0, to: accounts.length - 1, amount: 1, gas: type(uint64).max, withCall: true});
            withdraw({seed: place, from: 0, to: 1, amount: 1, gas: 0, withCall: true});
        }
        relayAll();
        for (uint256 i; i < waiting.length; ++i) {
            redeliver({seed: i, gas: type(uint256).max});
            sendBack({seed: i, account: i});
        }
        claimSome({seed: sent.length - 1, gas: type(uint256).max});
        makePeace();
        for (uint256 i; i < waiting.length; i += 2) {
            redeliver({seed: i, gas: type(uint256).max});
        }
    }

    function requireReached(string memory what) private view {
        assertNotEq(reached[what], 0, string.concat("never reached: ", what));
    }

    function checkBooks() private view {
        uint256[] memory underway = new uint256[](assets.length);
        uint256[] memory unreleased = new uint256[](assets.length);
        for (uint256 i; i < queuedParcels.length; ++i) {
            if (i >= ran) count(queuedParcels[i], 1, underway, unreleased);
        }
        for (uint256 i; i < waiting.length; ++i) {
            count(decode(undelivered[waiting[i]].call), waits(waiting[i]), underway, unreleased);
        }
        for (uint256 i; i < sentParcels.length; ++i) {
            if (!bridge.isFinalized(sent[i].index)) count(sentParcels[i], 1, underway, unreleased);
        }
        for (uint256 place; place < assets.length; ++place) {
            Asset storage asset = assets[place];
            uint256 owed = twinsOf(place) + underway[place];
            uint256 released = asset.releases - asset.releasesSentBack - unreleased[place];
            if (asset.books != Books.Unreliable) assertEq(held(place), owed + asset.donated, "backed");
            assertEq(owed, asset.entered - released, "counted");
        }
    }

    function count(Parcel memory parcel, uint256 times, uint256[] memory underway, uint256[] memory unreleased)
        private
        view
    {
        if (!parcel.isTokens) return;
        underway[parcel.asset] += times * unitsOf(parcel);
        if (parcel.isRelease) unreleased[parcel.asset] += times * unitsOf(parcel);
    }

    /// @dev What exists of a twin.
    function twinsOf(uint256 place) private view returns (uint256 twins) {
        address twin = tokenOn(place, !assets[place].isOfL1);
        if (twin.code.length == 0) return 0;
        if (assets[place].books != Books.NonFungible) return IERC20(twin).totalSupply();
        for (uint256 id; id < IDS; ++id) {
            if (ownerOf(twin, id) != address(0)) ++twins;
        }
    }

    function checkPlaces() private view {
        for (uint256 place; place < assets.length; ++place) {
            if (assets[place].books != Books.NonFungible) continue;
            uint256[] memory claims = claimsOn(place);
            address twin = tokenOn(place, !assets[place].isOfL1);
            for (uint256 id; id < IDS; ++id) {
                if (ownerOf(twin, id) != address(0)) ++claims[id];
                bool isLocked = ownerOf(assets[place].token, id) == homeGatewayOf(place);
                assertEq(claims[id], isLocked ? 1 : 0, "one place");
            }
        }
    }

    /// @dev How many messages carry each of a collection.
    function claimsOn(uint256 place) private view returns (uint256[] memory claims) {
        claims = new uint256[](IDS);
        for (uint256 i = ran; i < queuedParcels.length; ++i) {
            if (isOf(queuedParcels[i], place)) ++claims[queuedParcels[i].amountOrId];
        }
        for (uint256 i; i < waiting.length; ++i) {
            Parcel memory parcel = decode(undelivered[waiting[i]].call);
            if (isOf(parcel, place)) claims[parcel.amountOrId] += waits(waiting[i]);
        }
        for (uint256 i; i < sentParcels.length; ++i) {
            if (!isOf(sentParcels[i], place) || bridge.isFinalized(sent[i].index)) continue;
            ++claims[sentParcels[i].amountOrId];
        }
    }

    function isOf(Parcel memory parcel, uint256 place) private pure returns (bool) {
        return parcel.isTokens && parcel.asset == place;
    }

    function checkApart() private view {
        assertEq(lostMessages, 0, "a message to L2 left no trace");
        for (uint256 place; place < assets.length; ++place) {
            (address l1, address l2) = (address(l1GatewayOf(place)), address(l2GatewayOf(place)));
            assertEq(l1.balance, 0, "ETH in a gateway of L1");
            assertEq(l2.balance, 0, "ETH in a gateway of L2");
            address twin = tokenOn(place, !assets[place].isOfL1);
            if (twin.code.length == 0) continue;
            assertEq(IERC20(twin).balanceOf(assets[place].isOfL1 ? l2 : l1), 0, "twins in their own gateway");
        }
        assertEq(address(relayTip).balance, 0, "tips are passed on");
    }

    /// @dev Nobody helps but holders, recipients, relayers and time.
    function checkNeverLost() private {
        makePeace();
        settle();
        for (uint256 place; place < assets.length; ++place) {
            bringHome(place);
        }
        settle();
        checkBooks();
        checkPlaces();
        checkApart();
        for (uint256 place; place < assets.length; ++place) {
            assertEq(twinsOf(place), 0, "a twin is left");
            if (assets[place].books != Books.Unreliable) assertEq(held(place), assets[place].donated, "still locked");
        }
    }

    /// @dev Tokens and recipients let happen what is asked of them, and whoever shrank a token or lied fills the gap.
    function makePeace() private {
        for (uint256 side; side < 2; ++side) {
            if (pausables[side].paused()) pausables[side].setPaused(false);
            setManner(odds[side], Manner.Honest);
            rebasings[side].setPercent(100);
            liars[side].setLying(false);
            callbacks[side].setCallback(address(0), "");
            address gateway = homeGatewayOf(side * assets.length / 2);
            rebasings[side].mint(gateway, 2 ** 200);
            liars[side].mint(gateway, 2 ** 200);
        }
        receiver.setRefusal("");
        receiver.setNeed(0);
        receiver.setCall(address(0), "");
        holder.setCall(address(0), "", false);
    }

    function relayAll() private {
        while (ran < queued.length) relayNext();
        look();
    }

    /// @dev Everything that is under way arrives, or goes back to where it can.
    function settle() private {
        relayAll();
        for (uint256 i; i < waiting.length; ++i) {
            while (waits(waiting[i]) != 0) arriveOrReturn(waiting[i]);
        }
        // In their order: registrations before what needs them, messages before their tips. Late ones make no more.
        for (uint256 i; i < sent.length; ++i) {
            if (bridge.isFinalized(sent[i].index)) continue;
            (bool success, bytes memory reason) = address(bridge).call{gas: AMPLE_GAS}(claimOf(i));
            assertTrue(success, string.concat("a claim failed: ", vm.toString(reason)));
        }
        look();
    }

    function arriveOrReturn(uint256 place) private {
        L2Gateway gateway = l2GatewayOf(decode(undelivered[place].call).asset);
        bytes memory redelivery = abi.encodeCall(gateway.redeliver, (undelivered[place]));
        (bool success,) = address(gateway).call{gas: AMPLE_GAS}(redelivery);
        look();
        if (success) return;
        (, address from,,,) =
            abi.decode(Bytes.slice(undelivered[place].call, 4), (address, address, address, uint256, bytes));
        if (from.code.length != 0) {
            // A contract on L1, which has to wait.
            from = AddressAlias.alias_(from);
            vm.warp(vm.getBlockTimestamp() + gateway.SEND_BACK_DELAY());
        }
        assertTrue(sendBackAs(place, from), "neither delivered nor sent back");
    }

    /// @dev Every holder of a twin sends it to its home, to an account that takes everything.
    function bringHome(uint256 place) private {
        bool isOfL1 = assets[place].isOfL1;
        address twin = tokenOn(place, !isOfL1);
        if (twin.code.length == 0) return;
        bool isSingle = assets[place].books == Books.NonFungible;
        for (uint256 i; i < accounts.length; ++i) {
            if (!isSingle) {
                uint256 balance = IERC20(twin).balanceOf(accounts[i]);
                if (balance != 0) sendHome(place, twin, accounts[i], balance);
                continue;
            }
            for (uint256 id; id < IDS; ++id) {
                if (ownerOf(twin, id) == accounts[i]) sendHome(place, twin, accounts[i], id);
            }
        }
    }

    function sendHome(uint256 place, address twin, address owner, uint256 amountOrId) private {
        bool success;
        if (assets[place].isOfL1) {
            L2Gateway gateway = l2GatewayOf(place);
            bytes memory call = abi.encodeCall(gateway.withdraw, (twin, BOB, amountOrId, 0, ""));
            success = send(place, owner, address(gateway), 0, call);
        } else {
            mine(1);
            L1Gateway gateway = l1GatewayOf(place);
            uint64 gasLimit = 600_000;
            uint256 fee = gateway.quote(twin, gasLimit);
            vm.deal(owner, fee);
            bytes memory call = abi.encodeCall(gateway.deposit, (twin, BOB, amountOrId, gasLimit, fee, ""));
            success = send(place, owner, address(gateway), fee, call);
        }
        assertTrue(success, "a twin could not be sent home");
    }
}
