// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";
import {ProxyAdmin} from "@openzeppelin/contracts/proxy/transparent/ProxyAdmin.sol";
import {ITransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Bridge} from "../../src/bridge/Bridge.sol";
import {CanonicalTransactionChain} from "../../src/chain/CanonicalTransactionChain.sol";
import {StateCommitmentChain} from "../../src/chain/StateCommitmentChain.sol";
import {MachineState} from "../../src/dispute/MachineState.sol";
import {Segment} from "../../src/dispute/Segment.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {ChainTest} from "../support/ChainTest.sol";
import {Deploy} from "../../../script/Deploy.s.sol";
import {Deployments} from "../../../script/Deployments.sol";

contract DeployTest is ChainTest {
    string private constant DEVNET = "script/config/devnet.json";
    string private constant SEPOLIA = "script/config/sepolia.json";
    string private constant GENESIS = "contracts/test/chain/genesis.json";
    string private constant PROGRAM = "program/postern-program.json";
    bytes32 private constant GENESIS_OUTPUT_ROOT = 0x1f0e5d5c4b3a29181706f5e4d3c2b1a0987654321fedcba9876543210abcdef1;

    // ----------------------------------------------------------------------------------------------- wiring

    function test_Deploy_WiresPeers() public view {
        assertEq(address(canonicalTransactionChain.BRIDGE()), address(bridge));
        assertEq(canonicalTransactionChain.GOVERNANCE(), address(timelock));
        assertEq(canonicalTransactionChain.FORCE_DELAY(), FORCE_DELAY);
        assertEq(canonicalTransactionChain.sequencer(), SEQUENCER);

        assertEq(address(stateCommitmentChain.CANONICAL_TRANSACTION_CHAIN()), address(canonicalTransactionChain));
        assertEq(address(stateCommitmentChain.BRIDGE()), address(bridge));
        assertEq(stateCommitmentChain.DISPUTE_GAME(), address(game));
        assertEq(stateCommitmentChain.WINDOW_SECONDS(), WINDOW_SECONDS);
        assertEq(stateCommitmentChain.WINDOW_BLOCKS(), WINDOW_BLOCKS);
        assertEq(stateCommitmentChain.BOND(), BOND);

        assertEq(bridge.CANONICAL_TRANSACTION_CHAIN(), address(canonicalTransactionChain));
        assertEq(address(bridge.STATE_COMMITMENT_CHAIN()), address(stateCommitmentChain));
        assertEq(bridge.MINIMUM_PRICE(), MINIMUM_PRICE);
        assertEq(bridge.TARGET_PER_BLOCK(), TARGET_PER_BLOCK);
        assertEq(bridge.MAXIMUM_PER_BLOCK(), MAXIMUM_PER_BLOCK);
    }

    function test_Deploy_WiresTheDisputeGame() public view {
        assertEq(address(game.STATE_COMMITMENT_CHAIN()), address(stateCommitmentChain));
        assertEq(address(game.CANONICAL_TRANSACTION_CHAIN()), address(canonicalTransactionChain));
        assertEq(address(game.MACHINE_STEP()), address(deployment.machineStep));
        assertEq(game.CLOCK(), CLOCK);
        assertEq(game.EXTENSION(), EXTENSION);
        assertEq(game.BOND(), NODE_BOND);
    }

    /// Disputes are about the program in `program/`, from its first instruction.
    function test_Deploy_DisputesTheProgram() public view {
        string memory json = vm.readFile(PROGRAM);
        bytes32 root = vm.parseJsonBytes32(json, ".memoryRoot");
        uint64 entry = uint64(vm.parseUint(vm.parseJsonString(json, ".entry")));
        assertNotEq(root, 0);
        assertNotEq(entry, 0);
        assertEq(game.PROGRAM_ROOT(), root);
        assertEq(game.PROGRAM_ENTRY(), entry);
        // The state that a run over no input begins in, as the machine's own crate computes it.
        assertEq(
            MachineState.startHash(game.PROGRAM_ROOT(), game.PROGRAM_ENTRY(), 0),
            vm.parseJsonBytes32(json, ".initialStateHash")
        );
        bytes memory code = vm.getDeployedCode("MachineStep.sol:MachineStep");
        assertEq(keccak256(address(deployment.machineStep).code), keccak256(code));
    }

    function test_Deploy_TimelockOwnsAll() public view {
        (address[4] memory proxies, address[4] memory implementations) = contracts();
        for (uint256 i; i < proxies.length; ++i) {
            assertEq(ProxyAdmin(proxyAdminOf(proxies[i])).owner(), address(timelock));
            assertEq(
                address(uint160(uint256(vm.load(proxies[i], ERC1967Utils.IMPLEMENTATION_SLOT)))), implementations[i]
            );
        }
        assertEq(timelock.getMinDelay(), makeConfig().governanceDelay);
        assertTrue(timelock.hasRole(timelock.PROPOSER_ROLE(), GOVERNANCE));
        // Anyone executes what is due, and nobody administers the timelock but itself.
        assertTrue(timelock.hasRole(timelock.EXECUTOR_ROLE(), address(0)));
        assertFalse(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(script)));
        assertTrue(timelock.hasRole(timelock.DEFAULT_ADMIN_ROLE(), address(timelock)));
    }

    function test_RevertWhen_Reinitialized() public {
        (address[4] memory proxies, address[4] memory implementations) = contracts();
        // The last, the game, has nothing to initialize.
        for (uint256 i; i < 3; ++i) {
            expectInitialized(proxies[i]);
            expectInitialized(implementations[i]);
        }
    }

    // --------------------------------------------------------------------------------------------- upgrades

    function testFuzz_RevertWhen_UpgraderIsNotTimelock(address caller) public {
        vm.assume(caller != address(timelock));
        (address[4] memory proxies, address[4] memory implementations) = contracts();
        for (uint256 i; i < proxies.length; ++i) {
            ProxyAdmin admin = ProxyAdmin(proxyAdminOf(proxies[i]));
            vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, caller));
            vm.prank(caller);
            admin.upgradeAndCall(ITransparentUpgradeableProxy(proxies[i]), implementations[i], "");
        }
    }

    function test_RevertWhen_RolesUpgrade() public {
        testFuzz_RevertWhen_UpgraderIsNotTimelock(SEQUENCER);
        testFuzz_RevertWhen_UpgraderIsNotTimelock(GOVERNANCE);
        testFuzz_RevertWhen_UpgraderIsNotTimelock(address(game));
        testFuzz_RevertWhen_UpgraderIsNotTimelock(address(script));
    }

    /// Exit first: until the last second of the delay the old rules are in force.
    function test_Upgrade_OnlyAfterExitTime() public {
        ProxyAdmin admin = ProxyAdmin(proxyAdminOf(address(bridge)));
        bytes memory upgrade = abi.encodeCall(
            ProxyAdmin.upgradeAndCall,
            (ITransparentUpgradeableProxy(address(bridge)), deployment.stateCommitmentChainImplementation, "")
        );
        uint256 delay = timelock.getMinDelay();
        assertGe(delay, leastDelay());
        vm.prank(GOVERNANCE);
        timelock.schedule(address(admin), 0, upgrade, 0, 0, delay);

        bytes32 operation = timelock.hashOperation(address(admin), 0, upgrade, 0, 0);
        skip(delay - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                TimelockController.TimelockUnexpectedOperationState.selector,
                operation,
                bytes32(1 << uint8(TimelockController.OperationState.Ready))
            )
        );
        timelock.execute(address(admin), 0, upgrade, 0, 0);
        skip(1);
        timelock.execute(address(admin), 0, upgrade, 0, 0);
        assertEq(
            address(uint160(uint256(vm.load(address(bridge), ERC1967Utils.IMPLEMENTATION_SLOT)))),
            deployment.stateCommitmentChainImplementation
        );
    }

    // -------------------------------------------------------------------------------------------- bad input

    function testFuzz_RevertWhen_GovernanceIsFasterThanExit(uint256 delay) public {
        Deploy.Config memory config = makeConfig();
        uint256 least = leastDelay();
        config.governanceDelay = bound(delay, 0, least - 1);
        vm.expectRevert(abi.encodeWithSelector(Deploy.GovernanceDelayTooShort.selector, config.governanceDelay, least));
        deploy(config);
    }

    /// The window is over in seconds and in L1 blocks: the later counts.
    function test_RevertWhen_GovernanceIsFasterThanTheWindowInBlocks() public {
        Deploy.Config memory config = makeConfig();
        config.windowBlocks = 500_000;
        expectLeastDelay(config, 2 * FORCE_DELAY + 12 * (500_000 + disputeBlocks()) + 1 days);
    }

    /// What a user needs to be final may be disputed to the last: both sides' clocks, and their extensions.
    function test_RevertWhen_GovernanceIsFasterThanADispute() public {
        Deploy.Config memory config = makeConfig();
        config.dispute.clock = CLOCK + 1;
        expectLeastDelay(config, leastDelay() + 12 * 2);
        config = makeConfig();
        config.dispute.extension = EXTENSION + 1;
        expectLeastDelay(config, leastDelay() + 12 * 9);
    }

    function test_RevertWhen_AccountIsMissing() public {
        Deploy.Config memory config = makeConfig();
        config.sequencer = address(0);
        expectAddressMissing(config, "sequencer");
        config = makeConfig();
        config.proposers[0] = address(0);
        expectAddressMissing(config, "proposers");
        config.proposers = new address[](0);
        expectAddressMissing(config, "proposers");
        config = makeConfig();
        config.executors = new address[](0);
        expectAddressMissing(config, "executors");
    }

    function test_RevertWhen_ParameterIsOutOfRange() public {
        Deploy.Config memory config = makeConfig();
        config.l2ChainId = 0;
        expectOutOfRange(config, "l2ChainId", 0, 1, type(uint64).max);
        config = makeConfig();
        config.windowSeconds = 0;
        expectOutOfRange(config, "windowSeconds", 0, 1, 365 days);
        config = makeConfig();
        config.windowBlocks = 0;
        expectOutOfRange(config, "windowBlocks", 0, 1, 365 days);
        config = makeConfig();
        config.forceDelay = 365 days + 1;
        expectOutOfRange(config, "forceDelay", 365 days + 1, 1, 365 days);
        config = makeConfig();
        config.bond = uint256(type(uint96).max) + 1;
        expectOutOfRange(config, "bond", config.bond, 1, type(uint96).max);
    }

    function test_RevertWhen_ClockIsOutOfRange() public {
        Deploy.Config memory config = makeConfig();
        config.dispute.clock = 0;
        expectOutOfRange(config, "dispute.clock", 0, 1, 365 days / 12);
        config.dispute.clock = 365 days / 12 + 1;
        expectOutOfRange(config, "dispute.clock", config.dispute.clock, 1, 365 days / 12);
    }

    function test_RevertWhen_ExtensionIsOutOfRange() public {
        Deploy.Config memory config = makeConfig();
        config.dispute.extension = 0;
        expectOutOfRange(config, "dispute.extension", 0, 1, CLOCK);
        config.dispute.extension = CLOCK + 1;
        expectOutOfRange(config, "dispute.extension", CLOCK + 1, 1, CLOCK);
    }

    function test_RevertWhen_BondOfAnOpeningIsOutOfRange() public {
        Deploy.Config memory config = makeConfig();
        config.dispute.bond = 0;
        expectOutOfRange(config, "dispute.bond", 0, 1, BOND);
        config.dispute.bond = uint256(BOND) + 1;
        expectOutOfRange(config, "dispute.bond", config.dispute.bond, 1, BOND);
    }

    /// Nothing is cut off: the largest parameters arrive as they are.
    function test_Deploy_LargestDispute() public {
        Deploy.Config memory config = makeConfig();
        config.bond = type(uint96).max;
        config.dispute = Deploy.DisputeConfig({clock: 365 days / 12, extension: 365 days / 12, bond: config.bond});
        config.governanceDelay = type(uint64).max;
        adopt(deploy(config));
        assertEq(game.CLOCK(), 365 days / 12);
        assertEq(game.EXTENSION(), 365 days / 12);
        assertEq(game.BOND(), type(uint96).max);
        assertEq(game.bondFor(Segment.LEVELS), uint256(type(uint96).max) << 7);
    }

    function test_RevertWhen_DeployerIsAnother() public {
        // The addresses are predicted from another account's nonce, as if a transaction came in between.
        address predicted = vm.computeCreateAddress(STRANGER, vm.getNonce(STRANGER) + 5);
        address actual = vm.computeCreateAddress(address(script), vm.getNonce(address(script)) + 6);
        vm.expectRevert(
            abi.encodeWithSelector(Deployments.AddressMismatch.selector, "CanonicalTransactionChain", actual, predicted)
        );
        script.deploy(makeConfig(), program, GENESIS_OUTPUT_ROOT, STRANGER);
    }

    function test_RevertWhen_FileIsMissing() public {
        vm.expectRevert(
            abi.encodeWithSelector(Deployments.FileMissing.selector, "configuration", "script/config/none.json")
        );
        script.readConfig("script/config/none.json");
        vm.expectRevert(abi.encodeWithSelector(Deployments.FileMissing.selector, "program", "program/none.json"));
        script.readProgram("program/none.json");
        vm.expectRevert(
            abi.encodeWithSelector(
                Deployments.FileMissing.selector,
                "genesis (make it with `postern-node genesis`)",
                "deployments/none.json"
            )
        );
        script.readGenesisOutputRoot("deployments/none.json", L2_CHAIN_ID);
    }

    function test_RevertWhen_GenesisIsOfAnotherL2() public {
        assertEq(script.readGenesisOutputRoot(GENESIS, L2_CHAIN_ID), GENESIS_OUTPUT_ROOT);
        vm.expectRevert(abi.encodeWithSelector(Deploy.L2ChainIdMismatch.selector, L2_CHAIN_ID, L2_CHAIN_ID + 1));
        script.readGenesisOutputRoot(GENESIS, L2_CHAIN_ID + 1);
    }

    // ------------------------------------------------------------------------------------------------ files

    function test_Config_Devnet() public {
        Deploy.Config memory config = script.readConfig(DEVNET);
        assertEq(config.l2ChainId, 42_069);
        assertEq(config.bond, 0.1 ether);
        assertEq(config.metering.maximumPerBlock, 50_000_000);
        assertEq(config.dispute.clock, 300);
        assertEq(config.dispute.extension, 10);
        assertEq(config.dispute.bond, 0.01 ether);
        deploy(config);
    }

    /// The example for a testnet lacks its accounts and nothing else.
    function test_Config_Sepolia() public {
        Deploy.Config memory config = script.readConfig(SEPOLIA);
        expectAddressMissing(config, "sequencer");
        config.sequencer = SEQUENCER;
        expectAddressMissing(config, "proposers");
        config.proposers[0] = GOVERNANCE;
        deploy(config);
        assertEq(config.windowSeconds, 7 days);
        assertEq(config.windowBlocks, 50_400);
        assertEq(config.dispute.clock, 3 days / 12);
        assertEq(config.dispute.extension, 3 hours / 12);
        assertEq(config.dispute.bond, 0.01 ether);
    }

    /// As a user runs it, but for the sending: from the files named in the environment.
    function test_Run() public {
        vm.setEnv("GENESIS", GENESIS);
        vm.setEnv("DEPLOYMENTS_DIR", "target/forge/not-written");
        Deploy.Deployment memory deployed = script.deployAsConfigured();
        Commitment memory genesis;
        genesis.outputRoot = GENESIS_OUTPUT_ROOT;
        assertEq(deployed.stateCommitmentChain.genesisCommitment(), genesis.id());
        assertEq(address(deployed.stateCommitmentChain.BRIDGE()), address(deployed.bridge));
        assertEq(deployed.stateCommitmentChain.DISPUTE_GAME(), address(deployed.disputeGame));
        assertEq(deployed.disputeGame.PROGRAM_ROOT(), vm.parseJsonBytes32(vm.readFile(PROGRAM), ".memoryRoot"));
        // A run without `--broadcast` leaves no trace.
        script.run();
        assertFalse(vm.exists("target/forge/not-written"));
    }

    function test_Write_NamesWhatIsThere() public {
        string memory directory = "target/forge/deployments";
        script.write(deployment, directory);
        string memory json = vm.readFile(string.concat(directory, "/Bridge.json"));
        assertEq(vm.parseJsonAddress(json, ".address"), address(bridge));
        assertEq(vm.parseJsonAddress(json, ".implementation"), deployment.bridgeImplementation);
        assertEq(vm.parseJsonUint(json, ".blockNumber"), vm.getBlockNumber());
        json = vm.readFile(string.concat(directory, "/Timelock.json"));
        assertEq(vm.parseJsonAddress(json, ".address"), address(timelock));
        assertFalse(vm.keyExistsJson(json, ".implementation"));
        json = vm.readFile(string.concat(directory, "/DisputeGame.json"));
        assertEq(vm.parseJsonAddress(json, ".address"), address(game));
        assertEq(vm.parseJsonAddress(json, ".implementation"), deployment.disputeGameImplementation);
        json = vm.readFile(string.concat(directory, "/MachineStep.json"));
        assertEq(vm.parseJsonAddress(json, ".address"), address(deployment.machineStep));
        assertFalse(vm.keyExistsJson(json, ".implementation"));

        // On a chain that was started anew nothing of it is left; until then each contract is in the way.
        string[6] memory names =
            ["Timelock", "CanonicalTransactionChain", "StateCommitmentChain", "Bridge", "DisputeGame", "MachineStep"];
        address[6] memory addresses = [
            address(timelock),
            address(canonicalTransactionChain),
            address(stateCommitmentChain),
            address(bridge),
            address(game),
            address(deployment.machineStep)
        ];
        for (uint256 i; i < names.length; ++i) {
            string memory path = string.concat(directory, "/", names[i], ".json");
            vm.expectRevert(abi.encodeWithSelector(Deployments.AlreadyDeployed.selector, path, addresses[i]));
            script.requireNotDeployed(directory);
            vm.etch(addresses[i], "");
        }
        script.requireNotDeployed(directory);
        vm.removeDir(directory, true);
    }

    // ---------------------------------------------------------------------------------------------- helpers

    /// @dev In L1 blocks.
    function disputeBlocks() private pure returns (uint256) {
        return 2 * CLOCK + 9 * EXTENSION;
    }

    /// @dev The shortest delay of governance that the parameters of these tests allow, in seconds.
    function leastDelay() private pure returns (uint256) {
        return 2 * FORCE_DELAY + WINDOW_SECONDS + 12 * disputeBlocks() + 1 days;
    }

    function contracts() private view returns (address[4] memory proxies, address[4] memory implementations) {
        proxies = [address(bridge), address(canonicalTransactionChain), address(stateCommitmentChain), address(game)];
        implementations = [
            deployment.bridgeImplementation,
            deployment.canonicalTransactionChainImplementation,
            deployment.stateCommitmentChainImplementation,
            deployment.disputeGameImplementation
        ];
    }

    /// @dev Tries each contract's initializer.
    function expectInitialized(address target) private {
        bytes[3] memory calls = [
            abi.encodeCall(Bridge.initialize, ()),
            abi.encodeCall(CanonicalTransactionChain.initialize, (STRANGER)),
            abi.encodeCall(StateCommitmentChain.initialize, (GENESIS_OUTPUT_ROOT))
        ];
        bytes memory refusal = abi.encodeWithSelector(Initializable.InvalidInitialization.selector);
        uint256 refusals;
        for (uint256 i; i < calls.length; ++i) {
            vm.prank(STRANGER);
            (bool success, bytes memory reason) = target.call(calls[i]);
            assertFalse(success);
            if (keccak256(reason) == keccak256(refusal)) ++refusals;
        }
        // The other two are not its own.
        assertEq(refusals, 1);
    }

    function expectLeastDelay(Deploy.Config memory config, uint256 least) private {
        config.governanceDelay = least - 1;
        vm.expectRevert(abi.encodeWithSelector(Deploy.GovernanceDelayTooShort.selector, least - 1, least));
        deploy(config);
        config.governanceDelay = least;
        deploy(config);
    }

    function expectAddressMissing(Deploy.Config memory config, string memory key) private {
        vm.expectRevert(abi.encodeWithSelector(Deploy.AddressMissing.selector, key));
        deploy(config);
    }

    function expectOutOfRange(
        Deploy.Config memory config,
        string memory key,
        uint256 received,
        uint256 minimum,
        uint256 maximum
    ) private {
        vm.expectRevert(abi.encodeWithSelector(Deploy.ParameterOutOfRange.selector, key, received, minimum, maximum));
        deploy(config);
    }
}
