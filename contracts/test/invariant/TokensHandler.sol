// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Delivery} from "../../src/gateway/Delivery.sol";
import {IGateway} from "../../src/gateway/IGateway.sol";
import {L1Gateway} from "../../src/gateway/L1Gateway.sol";
import {L2Gateway} from "../../src/gateway/L2Gateway.sol";
import {GatewayTest} from "../support/GatewayTest.sol";
import {Receiver} from "../support/Receivers.sol";
import {ReferenceTree} from "../support/ReferenceTree.sol";
import {
    CallbackToken,
    FalseToken,
    FeeToken,
    LyingToken,
    Manner,
    NoReturnToken,
    OddToken,
    PausableToken,
    PlainNFT,
    PlainToken,
    RebasingToken,
    TokenHolder
} from "../support/Tokens.sol";

/// @notice All that holders, recipients, relayers and the tokens themselves do across both chains, in any order, and a ghost store
/// of what should come of it. The store learns from messages on their way, as the bridge's and the outbox's events show them, and
/// from what a home gateway holds before and after tokens are sent; of the contracts' own books it reads only which messages
/// were executed, and which deliveries wait.
/// @dev Both chains are in one EVM: a contract is on the chain that the handler uses it on. Calls that may be refused are made as
/// such: a refusal is an ordinary outcome.
abstract contract TokensHandler is GatewayTest {
    /// What can be said of what a gateway holds.
    enum Books {
        /// Changes by transfers alone, by as much as arrives.
        Exact,
        /// Grows and shrinks by itself, or is a lie.
        Unreliable,
        /// Single tokens.
        NonFungible
    }

    struct Asset {
        /// The token itself, at home.
        address token;
        bool isOfL1;
        Books books;
        /// What came to the home gateway with what was sent, by the handler's own measure.
        uint256 entered;
        /// What was put into the home gateway without sending it.
        uint256 donated;
        /// Amounts of all messages that release.
        uint256 releases;
        /// Of those, what went back as a twin instead.
        uint256 releasesSentBack;
    }

    /// What a message moves.
    struct Parcel {
        bool isTokens;
        bool isRelease;
        uint256 asset;
        uint256 amountOrId;
    }

    /// How many claims a relayer tries in a row.
    uint256 private constant TRIES = 3;
    /// Too little for most claims and redeliveries.
    uint256 private constant LEAST_GAS = 60_000;
    /// Enough for any of them.
    uint256 internal constant AMPLE_GAS = 5_000_000;
    /// What every account has of a token at first.
    uint256 private constant GRANT = 1e18;
    /// Single tokens of each collection.
    uint256 internal constant IDS = 6;

    Asset[] internal assets;
    mapping(address token => uint256) private placeOf;
    /// All have a key, but for the last two: `holder`, `receiver`.
    address[] internal accounts;
    /// Is called when a `CallbackToken` moves from it or to it.
    TokenHolder internal holder;
    /// Is called on arrival.
    Receiver internal receiver;
    PausableToken[] internal pausables;
    OddToken[] internal odds;
    RebasingToken[] internal rebasings;
    LyingToken[] internal liars;
    CallbackToken[] internal callbacks;

    /// What the messages of `queued` and of `sent` move.
    Parcel[] internal queuedParcels;
    Parcel[] internal sentParcels;
    /// Places among `undelivered` of deliveries that differ.
    uint256[] internal waiting;
    mapping(bytes32 id => bool) private isKnown;
    /// How many of `undelivered` were looked at.
    uint256 private failuresSeen;
    /// The last final commitment, and how many messages are in its outbox.
    bytes32 private published;
    uint256 private publishedCount;
    /// Messages to L2 that failed as a whole: nothing of them was recorded.
    uint256 internal lostMessages;

    /// How often the interesting things happened.
    mapping(string what => uint256) internal reached;

    function setUp() public virtual override {
        super.setUp();
        mine(1);
        holder = new TokenHolder();
        receiver = new Receiver();
        accounts = [ALICE, BOB, STRANGER, address(holder), address(receiver)];
        for (uint256 side; side < 2; ++side) {
            bool isOfL1 = side == 0;
            add(address(new PlainToken("Plain", "PLAIN", 18)), isOfL1, Books.Exact);
            add(address(new FeeToken()), isOfL1, Books.Exact);
            add(address(new NoReturnToken()), isOfL1, Books.Exact);
            add(address(new FalseToken()), isOfL1, Books.Exact);
            pausables.push(new PausableToken());
            add(address(pausables[side]), isOfL1, Books.Exact);
            callbacks.push(new CallbackToken());
            vm.prank(address(holder));
            callbacks[side].listen();
            add(address(callbacks[side]), isOfL1, Books.Exact);
            odds.push(new OddToken());
            add(address(odds[side]), isOfL1, Books.Exact);
            rebasings.push(new RebasingToken());
            add(address(rebasings[side]), isOfL1, Books.Unreliable);
            liars.push(new LyingToken());
            add(address(liars[side]), isOfL1, Books.Unreliable);
            add(address(new PlainNFT()), isOfL1, Books.NonFungible);
        }
    }

    // ---------------------------------------------------------------------------------------------- L1 to L2

    /// @notice An L1 token is locked, or an L2 token's twin is burned. To an account, or to where it cannot arrive; with a call or
    /// without; with gas for all of it, or for its failure alone.
    /// @dev In a block of its own, so that there is always gas to buy.
    function deposit(uint256 seed, uint256 from, uint256 to, uint256 amount, uint256 gas, bool withCall) public {
        mine(1);
        (uint256 place, address token) = chooseToken(seed, true);
        if (token.code.length == 0) return;
        address sender = accounts[from % accounts.length];
        (bool owns, uint256 amountOrId) = chooseAmount(place, token, sender, amount);
        if (!owns) return;
        // Now and then the twin itself, if that is where it goes.
        address recipient = to % 16 == 0 ? tokenOn(place, false) : accounts[to % accounts.length];
        bytes memory data = withCall ? abi.encode(amount) : bytes("");

        L1Gateway gateway = l1GatewayOf(place);
        uint64 least = gateway.minimumGasLimit(data.length);
        uint64 gasLimit = uint64(bound(gas, least, least + 600_000));
        uint256 fee = gateway.quote(token, gasLimit);
        vm.deal(sender, fee);
        bytes memory call = abi.encodeCall(gateway.deposit, (token, recipient, amountOrId, gasLimit, fee, data));
        if (send(place, sender, address(gateway), fee, call)) ++reached["deposit"];
        else ++reached["deposit refused"];
    }

    /// @notice L2 goes on: the next messages of the queue are executed.
    function relay(uint256 count) public {
        count = bound(count, 1, 4);
        for (uint256 i; i < count && ran < queued.length; ++i) {
            relayNext();
        }
        look();
    }

    /// @notice Anyone tries again what could not be delivered, with enough gas or too little.
    function redeliver(uint256 seed, uint256 gas) public {
        (bool exists, uint256 place) = chooseUndelivered(seed);
        if (!exists) return;
        Delivery memory delivery = undelivered[place];
        L2Gateway gateway = l2GatewayOf(decode(delivery.call).asset);
        (bool success,) =
            address(gateway).call{gas: bound(gas, LEAST_GAS, AMPLE_GAS)}(abi.encodeCall(gateway.redeliver, (delivery)));
        ++reached[success ? "redelivered" : "redelivery failed"];
        look();
    }

    /// @notice Who sent it, whom it is for, or somebody else sends back what could not be delivered.
    function sendBack(uint256 seed, uint256 account) public {
        (bool exists, uint256 place) = chooseUndelivered(seed);
        if (!exists) return;
        sendBackAs(place, accounts[account % accounts.length]);
    }

    // ---------------------------------------------------------------------------------------------- L2 to L1

    /// @notice An L2 token is locked, or an L1 token's twin is burned. What comes with a call goes to the one that can take it.
    function withdraw(uint256 seed, uint256 from, uint256 to, uint256 amount, uint256 gas, bool withCall) public {
        (uint256 place, address token) = chooseToken(seed, false);
        if (token.code.length == 0) return;
        address sender = accounts[from % accounts.length];
        (bool owns, uint256 amountOrId) = chooseAmount(place, token, sender, amount);
        if (!owns) return;
        address recipient = withCall ? address(receiver) : accounts[to % accounts.length];
        bytes memory data = withCall ? abi.encode(amount) : bytes("");
        gas = bound(gas, 0, 500_000);
        // forge-lint: disable-next-line(unsafe-typecast) bound above
        bytes memory call = abi.encodeCall(L2Gateway.withdraw, (token, recipient, amountOrId, uint64(gas), data));

        // Every fourth with a tip.
        uint256 tip = amount % 4 == 0 ? 1 gwei : 0;
        vm.deal(sender, tip);
        if (send(place, sender, address(l2GatewayOf(place)), tip, call)) ++reached["withdrawal"];
        else ++reached["withdrawal refused"];
    }

    /// @notice Anyone executes messages on L1, of a final commitment to all there are, with enough gas or too little.
    function claimSome(uint256 seed, uint256 gas) public {
        for (uint256 i; i < TRIES && i < sent.length; ++i) {
            uint256 index = addmod(seed, i, sent.length);
            if (bridge.isFinalized(sent[index].index)) continue;
            (bool success,) = address(bridge).call{gas: bound(gas, LEAST_GAS, AMPLE_GAS)}(claimOf(index));
            ++reached[success ? "claim" : "claim refused"];
        }
        look();
    }

    // ---------------------------------------------------------------------------------------------- everybody

    /// @notice Tokens and twins change hands, on either chain.
    function transfer(uint256 seed, uint256 from, uint256 to, uint256 amount, bool onL1) public {
        (uint256 place, address token) = chooseToken(seed, onL1);
        if (token.code.length == 0) return;
        address sender = accounts[from % accounts.length];
        (bool owns, uint256 amountOrId) = chooseAmount(place, token, sender, amount);
        if (!owns) return;
        transferAs(token, sender, accounts[to % accounts.length], amountOrId, assets[place].books);
        look();
    }

    /// @notice Somebody gives an ERC-20 to the gateway at its home. It is nobody's from then on.
    function donate(uint256 seed, uint256 from, uint256 amount) public {
        // The plain one or the one with a fee: nothing else moves in the midst of that.
        uint256 place = (seed % 2) * assets.length / 2 + (seed / 2) % 2;
        Asset storage asset = assets[place];
        address sender = accounts[from % accounts.length];
        (bool owns, uint256 amountOrId) = chooseAmount(place, asset.token, sender, amount);
        if (!owns) return;
        uint256 before = held(place);
        transferAs(asset.token, sender, homeGatewayOf(place), amountOrId, asset.books);
        asset.donated += held(place) - before;
        look();
    }

    /// @notice Tokens and recipients have moods.
    function change(uint256 seed, uint256 mood) public {
        uint256 side = seed % 2;
        uint256 what = (seed / 2) % 5;
        if (what == 0) {
            pausables[side].setPaused(!pausables[side].paused());
        } else if (what == 1) {
            rebasings[side].setPercent(bound(mood, 50, 200));
        } else if (what == 2) {
            liars[side].setLying(!liars[side].lying());
        } else if (what == 3) {
            // One of honest, reverting, burning all gas, returning or reverting with a megabyte.
            Manner manner = [Manner.Honest, Manner.Reverts, Manner.BurnsGas, Manner.Bombs, Manner.RevertBombs][mood % 5];
            setManner(odds[side], manner);
        } else {
            receiver.setRefusal(receiver.refusal().length == 0 ? bytes("no") : bytes(""));
            receiver.setNeed(mood % 2 == 0 ? 0 : 300_000);
        }
    }

    /// @notice Tokens and recipients that call back learn whom: the bridge with a claim, or a gateway.
    function plot(uint256 seed, uint256 kind, bool onReceipt) public {
        (address target, bytes memory call) = chooseCallback(seed, kind);
        holder.setCall(target, call, onReceipt);
        receiver.setCall(target, call);
        callbacks[seed % 2].setCallback(target, call);
        look();
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function add(address token, bool isOfL1, Books books) private {
        placeOf[token] = assets.length;
        assets.push(Asset(token, isOfL1, books, 0, 0, 0, 0));
        address gateway = homeGatewayOf(assets.length - 1);
        for (uint256 i; i < accounts.length; ++i) {
            if (books != Books.NonFungible) PlainToken(token).mint(accounts[i], GRANT);
            vm.prank(accounts[i]);
            // The same function's name, and what it returns is not looked at: some return nothing.
            if (books != Books.NonFungible) NoReturnToken(token).approve(gateway, type(uint256).max);
            else IERC721(token).setApprovalForAll(gateway, true);
        }
        for (uint256 id; books == Books.NonFungible && id < IDS; ++id) {
            PlainNFT(token).mint(accounts[id % accounts.length], id);
        }
    }

    /// @dev Sends tokens across, and measures what came to the gateway of their home.
    function send(uint256 place, address sender, address gateway, uint256 value, bytes memory call)
        internal
        returns (bool success)
    {
        uint256 before = held(place);
        vm.prank(sender, sender);
        (success,) = gateway.call{value: value, gas: AMPLE_GAS}(call);
        // A burn changes nothing there.
        assets[place].entered += held(place) - before;
        look();
    }

    function relayNext() internal {
        vm.cool(queued[ran].target);
        if (!run(queued[ran])) ++lostMessages;
        ++ran;
    }

    function sendBackAs(uint256 place, address account) internal returns (bool success) {
        Delivery memory delivery = undelivered[place];
        Parcel memory parcel = decode(delivery.call);
        L2Gateway gateway = l2GatewayOf(parcel.asset);
        // An account with a key sends its own transactions.
        vm.prank(account, account.code.length == 0 ? account : STRANGER);
        (success,) = address(gateway).call(abi.encodeCall(gateway.sendBack, (delivery)));
        ++reached[success ? "sent back" : "sending back refused"];
        if (success && parcel.isRelease) assets[parcel.asset].releasesSentBack += unitsOf(parcel);
        look();
    }

    /// @dev The claim of a message, with a proof from a final commitment that is made if there is none.
    function claimOf(uint256 index) internal returns (bytes memory) {
        look();
        if (index >= publishedCount) (published, publishedCount) = (publish(OUTBOX.root()), sent.length);
        bytes32[] memory leaves = new bytes32[](publishedCount);
        for (uint256 i; i < publishedCount; ++i) {
            leaves[i] = sent[i].leaf();
        }
        return abi.encodeCall(bridge.executeMessage, (sent[index], published, ReferenceTree.proof(leaves, index)));
    }

    function setManner(OddToken odd, Manner manner) internal {
        odd.setManner(odd.transfer.selector, manner, "");
        odd.setManner(odd.transferFrom.selector, manner, "");
    }

    /// @dev Reads what happened since the last look.
    function look() internal {
        collect();
        while (queuedParcels.length < queued.length) queuedParcels.push(note(queued[queuedParcels.length].data));
        while (sentParcels.length < sent.length) sentParcels.push(note(sent[sentParcels.length].data));
        for (; failuresSeen < undelivered.length; ++failuresSeen) {
            ++reached["delivery failed"];
            bytes32 id = undelivered[failuresSeen].id();
            if (isKnown[id]) continue;
            isKnown[id] = true;
            waiting.push(failuresSeen);
        }
    }

    function note(bytes memory call) private returns (Parcel memory parcel) {
        parcel = decode(call);
        if (parcel.isRelease) assets[parcel.asset].releases += unitsOf(parcel);
    }

    /// @dev Nothing moves with registrations and tips.
    function decode(bytes memory call) internal view returns (Parcel memory parcel) {
        // forge-lint: disable-next-line(unsafe-typecast) the selector
        bytes4 selector = bytes4(call);
        parcel.isRelease = selector == IGateway.release.selector;
        parcel.isTokens = parcel.isRelease || selector == IGateway.mint.selector;
        if (!parcel.isTokens) return parcel;
        (address token,,, uint256 amountOrId,) =
            abi.decode(Bytes.slice(call, 4), (address, address, address, uint256, bytes));
        (parcel.asset, parcel.amountOrId) = (placeOf[token], amountOrId);
    }

    /// @dev Of a collection: one.
    function unitsOf(Parcel memory parcel) internal view returns (uint256) {
        return assets[parcel.asset].books == Books.NonFungible ? 1 : parcel.amountOrId;
    }

    function transferAs(address token, address from, address to, uint256 amountOrId, Books books) private {
        vm.prank(from);
        (bool success,) = token.call{gas: AMPLE_GAS}(
            books == Books.NonFungible
                ? abi.encodeCall(IERC721.transferFrom, (from, to, amountOrId))
                : abi.encodeCall(IERC20.transfer, (to, amountOrId))
        );
        if (success) ++reached["transfer"];
    }

    function chooseToken(uint256 seed, bool onL1) private view returns (uint256 place, address token) {
        place = seed % assets.length;
        token = tokenOn(place, onL1);
    }

    /// @dev Something that the account has, if it has anything.
    function chooseAmount(uint256 place, address token, address account, uint256 seed)
        internal
        view
        returns (bool owns, uint256 amountOrId)
    {
        if (assets[place].books == Books.NonFungible) {
            for (uint256 i; i < IDS && !owns; ++i) {
                amountOrId = addmod(seed, i, IDS);
                owns = ownerOf(token, amountOrId) == account;
            }
            return (owns, amountOrId);
        }
        uint256 balance = IERC20(token).balanceOf(account);
        return (balance != 0, balance == 0 ? 0 : bound(seed, 1, balance));
    }

    function chooseUndelivered(uint256 seed) private view returns (bool exists, uint256 place) {
        for (uint256 i; i < waiting.length; ++i) {
            place = waiting[addmod(seed, i, waiting.length)];
            if (waits(place) != 0) return (true, place);
        }
    }

    function chooseCallback(uint256 seed, uint256 kind) private returns (address target, bytes memory call) {
        kind %= 3;
        if (kind == 0 && sent.length != 0) return (address(bridge), claimOf(seed % sent.length));
        if (kind == 1) {
            (bool exists, uint256 place) = chooseUndelivered(seed);
            L2Gateway gateway = l2GatewayOf(exists ? decode(undelivered[place].call).asset : 0);
            if (exists) return (address(gateway), abi.encodeCall(gateway.redeliver, (undelivered[place])));
        }
        // A twin: what is locked in the midst of something else could not be measured.
        (uint256 chosen, address token) = chooseToken(seed % (assets.length / 2), false);
        L2Gateway twins = l2GatewayOf(chosen);
        return (address(twins), abi.encodeCall(twins.withdraw, (token, ALICE, 1, 0, "")));
    }

    /// @dev Whether one delivery, and how many like it, wait.
    function waits(uint256 place) internal view returns (uint256) {
        Delivery memory delivery = undelivered[place];
        return l2GatewayOf(decode(delivery.call).asset).undelivered(delivery.id());
    }

    /// @dev What the gateway at home holds.
    function held(uint256 place) internal view returns (uint256) {
        return IERC20(assets[place].token).balanceOf(homeGatewayOf(place));
    }

    function homeGatewayOf(uint256 place) internal view returns (address) {
        return assets[place].isOfL1 ? address(l1GatewayOf(place)) : address(l2GatewayOf(place));
    }

    function l1GatewayOf(uint256 place) internal view returns (L1Gateway) {
        return assets[place].books == Books.NonFungible ? L1Gateway(l1NFTGateway) : L1Gateway(l1Gateway);
    }

    function l2GatewayOf(uint256 place) internal view returns (L2Gateway) {
        return assets[place].books == Books.NonFungible ? L2Gateway(l2NFTGateway) : L2Gateway(l2Gateway);
    }

    /// @dev The token itself, or its twin, which may not exist yet.
    function tokenOn(uint256 place, bool onL1) internal view returns (address) {
        Asset storage asset = assets[place];
        if (asset.isOfL1 == onL1) return asset.token;
        return onL1 ? l1GatewayOf(place).twinOf(asset.token) : l2GatewayOf(place).twinOf(asset.token);
    }

    /// @dev Zero if nobody owns it.
    function ownerOf(address token, uint256 id) internal view returns (address) {
        if (token.code.length == 0) return address(0);
        try IERC721(token).ownerOf(id) returns (address owner) {
            return owner;
        } catch {
            return address(0);
        }
    }
}
