// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutboxVerifier} from "../../src/bridge/IOutboxVerifier.sol";
import {Claim, Terms} from "../../src/gateway/Claim.sol";
import {IFastExit} from "../../src/gateway/IFastExit.sol";
import {Message} from "../../src/types/Message.sol";
import {ExitTest} from "../support/ExitTest.sol";
import {Meddler} from "../support/Meddler.sol";
import {CallbackToken} from "../support/Tokens.sol";

/// @notice Random orders of all that can happen to withdrawals, few enough kinds of them that many are alike, with a party that
/// fills, receives, owns and re-enters from any of these, beside a model that knows nothing of the contract:
///
/// 1. A withdrawal pays its amount once, when it is executed: to the owner if its kind is filled, which it then no longer is,
///    otherwise to the recipient.
/// 2. A fill pays the recipient the amount less the fee, from who fills; only once until it is settled; not after the deadline, nor
///    for a message that was executed or is being executed. Which message that is, is the filler's word: another's, or none.
/// 3. Nobody else's balance changes, and the market holds nothing.
contract FastExitModelTest is ExitTest {
    /// A prepared move of the meddler's, as the model sees it.
    enum Kind {
        Execute,
        Fill,
        Transfer
    }

    /// What must have happened for all this to show anything.
    enum Reached {
        FillByItsIndex,
        FillByAnothersIndex,
        FillByNoIndex,
        FillOfExecuted,
        FillOfNothing,
        FillWithin,
        TooLate,
        Expired,
        FeeAboveAmount,
        FilledTwice,
        ExecutionWithin,
        TransferWithin,
        PaidOwner,
        PaidRecipient
    }

    struct Move {
        Kind kind;
        uint256 claim;
        uint64 index;
        address to;
    }

    uint256 private constant STEPS = 40;
    uint256 private constant ORDERS = 64;

    CallbackToken private token;
    address private twin;
    Meddler private meddler;
    address[3] private actors;

    /// All kinds of withdrawals, and which one each message of the outbox is.
    Claim[] private claims;
    uint256[] private claimOf;
    /// The last final commitment, and the messages that it covers.
    bytes32 private commitment;
    uint256 private covered;

    mapping(uint256 claim => address) private owner;
    mapping(uint64 index => bool) private executed;
    mapping(address token => mapping(address actor => uint256)) private balance;
    Move[] private moves;
    uint256 private made;
    /// The model is in the midst of so many calls of the meddler.
    uint256 private within;
    mapping(Reached => uint256 times) private reached;

    function setUp() public override {
        super.setUp();
        token = new CallbackToken();
        meddler = new Meddler();
        actors = [RECIPIENT, FILLER, address(meddler)];
        vm.prank(address(meddler));
        token.listen();

        token.mint(ALICE, AMOUNT);
        exitToken(address(token), makeTerms(RECIPIENT));
        claimLast();
        token.mint(ALICE, 1000 ether);
        depositOnL2(address(token), 1000 ether);
        twin = l2Gateway.twinOf(address(token));
        claimOf.push(type(uint256).max);
        executed[0] = true;
        vm.deal(L2_USER, 1000 ether);
        for (uint256 i; i < actors.length; ++i) {
            vm.deal(actors[i], 1000 ether);
            token.mint(actors[i], 1000 ether);
            vm.prank(actors[i]);
            token.approve(address(fastExit), type(uint256).max);
            balance[address(0)][actors[i]] = 1000 ether;
            balance[address(token)][actors[i]] = token.balanceOf(actors[i]);
        }

        for (uint256 i; i < 16; ++i) {
            Terms memory terms = Terms({
                recipient: i & 1 == 0 ? RECIPIENT : address(meddler),
                fee: i & 2 == 0 ? FEE : AMOUNT + 1,
                deadline: uint64(vm.getBlockTimestamp() + (i & 4 == 0 ? 20 days : 1000 days)),
                salt: "salt"
            });
            // Of what cannot be filled one kind is enough.
            if (terms.fee > AMOUNT && i & 4 != 0) terms.fee = 0;
            claims.push(makeClaim(i & 8 == 0 ? address(0) : address(token), AMOUNT, terms));
        }
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_EachWithdrawalPaysOnceInAnyOrder(uint256[STEPS] calldata seeds) public {
        for (uint256 i; i < STEPS; ++i) {
            step(seeds[i]);
            check();
        }
        executeAll();
    }

    /// @dev Random orders that are none would pass too: these, which are always the same, have all that is meant in them.
    function test_OrdersReachAllCases() public {
        uint256[] memory times = new uint256[](uint256(type(Reached).max) + 1);
        uint256 snapshot = vm.snapshotState();
        for (uint256 order; order < ORDERS; ++order) {
            // A call of its own, whose memory ends with it.
            this.runOrder(order);
            for (uint256 i; i < times.length; ++i) {
                times[i] += reached[Reached(i)];
            }
            vm.revertToState(snapshot);
        }
        for (uint256 i; i < times.length; ++i) {
            assertGt(times[i], 0, vm.toString(i));
        }
    }

    function runOrder(uint256 order) external {
        for (uint256 i; i < STEPS; ++i) {
            step(uint256(keccak256(abi.encode(order, i))));
        }
        executeAll();
    }

    function step(uint256 seed) private {
        uint256 action = seed % 8;
        uint256 chosen = (seed >> 8) % claims.length;
        address actor = actors[(seed >> 16) % actors.length];
        uint64 index = uint64((seed >> 24) % claimOf.length);
        if (action <= 1) send(chosen);
        else if (action == 2) fillAny(seed, actor, chosen, index);
        else if (action == 3) tryTransfer(actor, chosen, actors[(seed >> 48) % actors.length]);
        else if (action == 4) finalizeAll();
        else if (action == 5) tryExecute(index);
        else if (action == 6) prepare(seed, chosen, index);
        else mine(7200);
    }

    function send(uint256 chosen) private {
        Claim storage c = claims[chosen];
        Terms memory terms = Terms(c.recipient, c.fee, c.deadline, c.salt);
        vm.prank(L2_USER);
        if (c.token == address(0)) {
            OUTBOX.send{value: AMOUNT}(address(fastExit), L1_GAS, abi.encodeCall(IFastExit.settle, (terms)));
        } else {
            l2Gateway.withdraw(twin, address(fastExit), AMOUNT, L1_GAS, abi.encode(terms));
        }
        claimOf.push(chosen);
    }

    function finalizeAll() private {
        collect();
        commitment = publish(sent);
        covered = sent.length;
    }

    /// @dev Mostly what the message is. Otherwise anything, by its index or one that no message has.
    function fillAny(uint256 seed, address actor, uint256 chosen, uint64 index) private {
        (chosen, index) = chooseFill(seed, chosen, index);
        tryFill(actor, chosen, index);
    }

    function chooseFill(uint256 seed, uint256 chosen, uint64 index) private view returns (uint256, uint64) {
        uint256 way = (seed >> 64) % 8;
        if (way == 0) return (chosen, uint64(claimOf.length + (seed >> 72) % 1000));
        if (way > 2 && claimOf[index] < claims.length) chosen = claimOf[index];
        return (chosen, index);
    }

    /// @dev In the end, whatever is left is executed.
    function executeAll() private {
        finalizeAll();
        for (uint64 index = 1; index < claimOf.length; ++index) {
            if (!executed[index]) execute(index);
        }
        check();
    }

    function tryFill(address actor, uint256 chosen, uint64 index) private {
        bytes memory call = abi.encodeCall(fastExit.fill, (claims[chosen], index));
        uint256 value = valueOf(chosen);
        bool expected = modelFill(actor, chosen, index);
        vm.prank(actor);
        (bool success,) = address(fastExit).call{value: value}(call);
        assertEq(success, expected, "fill");
    }

    function tryTransfer(address actor, uint256 chosen, address to) private {
        bool expected = modelTransfer(actor, chosen, to);
        vm.prank(actor);
        (bool success,) = address(fastExit).call(abi.encodeCall(fastExit.transferClaim, (claims[chosen].id(), to)));
        assertEq(success, expected, "transfer");
    }

    function tryExecute(uint64 index) private {
        if (index == 0 || index >= covered) return;
        execute(index);
    }

    function execute(uint64 index) private {
        bytes memory call = executionOf(index);
        bool expected = modelExecute(index);
        (bool success,) = address(bridge).call(call);
        assertEq(success, expected, "execute");
    }

    /// @dev What the meddler does when it is next called.
    function prepare(uint256 seed, uint256 chosen, uint64 index) private {
        Kind kind = Kind((seed >> 56) % 3);
        address to = actors[(seed >> 48) % actors.length];
        if (kind == Kind.Execute) {
            if (index == 0 || index >= covered) return;
            meddler.prepare(address(bridge), 0, executionOf(index));
        } else if (kind == Kind.Fill) {
            (chosen, index) = chooseFill(seed, chosen, index);
            bytes memory call = abi.encodeCall(fastExit.fill, (claims[chosen], index));
            meddler.prepare(address(fastExit), valueOf(chosen), call);
        } else {
            meddler.prepare(address(fastExit), 0, abi.encodeCall(fastExit.transferClaim, (claims[chosen].id(), to)));
        }
        moves.push(Move(kind, chosen, index, to));
    }

    function modelFill(address actor, uint256 chosen, uint64 index) private returns (bool) {
        Claim storage c = claims[chosen];
        if (executed[index]) return refuse(Reached.TooLate);
        if (vm.getBlockTimestamp() > c.deadline) return refuse(Reached.Expired);
        if (c.fee > AMOUNT) return refuse(Reached.FeeAboveAmount);
        if (owner[chosen] != address(0)) return refuse(Reached.FilledTwice);
        noteFill(chosen, index);
        owner[chosen] = actor;
        uint256 payment = AMOUNT - c.fee;
        // ETH is taken before the market runs; a token tells the holder before it moves.
        if (c.token == address(0)) {
            balance[address(0)][actor] -= payment;
        } else {
            if (actor == address(meddler)) modelMove();
            balance[c.token][actor] -= payment;
        }
        modelPay(c.token, c.recipient, payment);
        return true;
    }

    function modelTransfer(address actor, uint256 chosen, address to) private returns (bool) {
        if (owner[chosen] != actor) return false;
        owner[chosen] = to;
        return true;
    }

    function modelExecute(uint64 index) private returns (bool) {
        if (executed[index]) return false;
        executed[index] = true;
        uint256 chosen = claimOf[index];
        Claim storage c = claims[chosen];
        address payee = owner[chosen];
        note(payee == address(0) ? Reached.PaidRecipient : Reached.PaidOwner);
        if (payee == address(0)) payee = c.recipient;
        owner[chosen] = address(0);
        modelPay(c.token, payee, AMOUNT);
        return true;
    }

    function modelPay(address paid, address payee, uint256 amount) private {
        balance[paid][payee] += amount;
        if (payee == address(meddler)) modelMove();
    }

    function modelMove() private {
        if (made == moves.length) return;
        Move memory move = moves[made++];
        ++within;
        if (move.kind == Kind.Execute) {
            if (modelExecute(move.index)) note(Reached.ExecutionWithin);
        } else if (move.kind == Kind.Fill) {
            modelFill(address(meddler), move.claim, move.index);
        } else if (modelTransfer(address(meddler), move.claim, move.to)) {
            note(Reached.TransferWithin);
        }
        --within;
    }

    function noteFill(uint256 chosen, uint64 index) private {
        if (within != 0) note(Reached.FillWithin);
        if (index >= claimOf.length) note(Reached.FillByNoIndex);
        else note(claimOf[index] == chosen ? Reached.FillByItsIndex : Reached.FillByAnothersIndex);
        bool sentOnce;
        for (uint64 i; i < claimOf.length; ++i) {
            if (claimOf[i] != chosen) continue;
            sentOnce = true;
            if (!executed[i]) return;
        }
        // Nothing in flight would pay for it.
        note(sentOnce ? Reached.FillOfExecuted : Reached.FillOfNothing);
    }

    function refuse(Reached reason) private returns (bool) {
        note(reason);
        return false;
    }

    function note(Reached what) private {
        ++reached[what];
    }

    function check() private view {
        for (uint256 i; i < actors.length; ++i) {
            assertEq(actors[i].balance, balance[address(0)][actors[i]], "ETH");
            assertEq(token.balanceOf(actors[i]), balance[address(token)][actors[i]], "tokens");
        }
        for (uint256 i; i < claims.length; ++i) {
            assertEq(fastExit.ownerOf(claims[i].id()), owner[i], "owner");
        }
        for (uint64 index; index < claimOf.length; ++index) {
            assertEq(bridge.isFinalized(index), executed[index], "executed");
        }
        assertEq(meddler.made(), made, "moves");
        assertEq(address(fastExit).balance, 0);
        assertEq(token.balanceOf(address(fastExit)), 0);
    }

    function valueOf(uint256 chosen) private view returns (uint256) {
        Claim storage c = claims[chosen];
        return c.token != address(0) || c.fee > AMOUNT ? 0 : AMOUNT - c.fee;
    }

    function executionOf(uint64 index) private view returns (bytes memory) {
        Message[] memory messages = new Message[](covered);
        for (uint256 i; i < covered; ++i) {
            messages[i] = sent[i];
        }
        return abi.encodeCall(IOutboxVerifier.executeMessage, (sent[index], commitment, proofOf(messages, index)));
    }
}
