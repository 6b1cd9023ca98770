// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VmSafe} from "forge-std/Vm.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {TransparentUpgradeableProxy} from "@openzeppelin/contracts/proxy/transparent/TransparentUpgradeableProxy.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Bridge} from "../contracts/src/bridge/Bridge.sol";
import {IMessageQueue} from "../contracts/src/bridge/IMessageQueue.sol";
import {IOutboxVerifier} from "../contracts/src/bridge/IOutboxVerifier.sol";
import {CanonicalTransactionChain} from "../contracts/src/chain/CanonicalTransactionChain.sol";
import {ICanonicalTransactionChain} from "../contracts/src/chain/ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "../contracts/src/chain/IStateCommitmentChain.sol";
import {StateCommitmentChain} from "../contracts/src/chain/StateCommitmentChain.sol";
import {DisputeGame} from "../contracts/src/dispute/DisputeGame.sol";
import {MachineStep} from "../contracts/src/dispute/MachineStep.sol";
import {Segment} from "../contracts/src/dispute/Segment.sol";
import {MeteringConfig} from "../contracts/src/libraries/Metering.sol";
import {Deployments} from "./Deployments.sol";

/// @title Deploys Postern's L1 side
/// @notice Four contracts behind ERC-1967 proxies, each with its own ProxyAdmin, the timelock that owns them all, and the contract
/// that executes single steps of the fault-proof machine, which has no state and no owner.
///
///     forge script script/Deploy.s.sol --rpc-url $L1 --broadcast --private-key $KEY
///
/// | variable          | what                                           | default                              |
/// | ----------------- | ---------------------------------------------- | ------------------------------------ |
/// | `DEPLOY_CONFIG`   | parameters, see `Config`                       | `script/config/devnet.json`          |
/// | `GENESIS`         | the L2's genesis, from `postern-node genesis`  | `deployments/<chainId>/genesis.json` |
/// | `PROGRAM`         | facts of the machine's program, see `Program`  | `program/postern-program.json`       |
/// | `DEPLOYMENTS_DIR` | where `<Name>.json` goes, one for a contract   | `deployments/<chainId>`              |
///
/// @dev Files are written with `--broadcast` only. Forge runs the script before it sends the transactions, so `blockNumber` in
/// them is a block before the deployment, from which a node can read all events.
contract Deploy is Deployments {
    /// Parameters of a deployment; the fields are the keys of the file.
    struct Config {
        /// Chain id of the L2; must be the genesis file's.
        uint256 l2ChainId;
        /// The first sequencer, an externally owned account.
        address sequencer;
        /// Delay of the timelock, in seconds; at least `exitTime` and `GOVERNANCE_MARGIN`.
        uint256 governanceDelay;
        /// Who may propose to the timelock, and cancel.
        address[] proposers;
        /// Who may execute what is due; the zero address stands for anyone.
        address[] executors;
        /// The challenge window in L1 seconds.
        uint256 windowSeconds;
        /// The challenge window in L1 blocks.
        uint256 windowBlocks;
        /// Bond for a commitment, in wei; a string in the file, for JSON numbers are not so long.
        uint256 bond;
        /// The age at which a queued message is overdue, in L1 seconds.
        uint256 forceDelay;
        /// Disputes about commitments.
        DisputeConfig dispute;
        /// The market for L2 gas; checked by the bridge.
        MeteringConfig metering;
    }

    /// Parameters of disputes.
    struct DisputeConfig {
        /// How long a side may think on a branch, all its moves together, in L1 blocks.
        uint256 clock;
        /// How long it has at least for each move, in L1 blocks.
        uint256 extension;
        /// Bond for an opening, in wei; a string in the file.
        uint256 bond;
    }

    /// The program that the fault-proof machine runs over a batch; the fields are keys of the file.
    struct Program {
        /// Root of the memory that it starts with.
        bytes32 memoryRoot;
        /// Where it starts.
        uint64 entry;
    }

    /// What was deployed.
    struct Deployment {
        TimelockController timelock;
        Bridge bridge;
        CanonicalTransactionChain canonicalTransactionChain;
        StateCommitmentChain stateCommitmentChain;
        DisputeGame disputeGame;
        MachineStep machineStep;
        address bridgeImplementation;
        address canonicalTransactionChainImplementation;
        address stateCommitmentChainImplementation;
        address disputeGameImplementation;
    }

    /// The genesis file is of another L2.
    error L2ChainIdMismatch(uint256 received, uint256 expected);
    /// An upgrade could take effect before a user is out under the old rules. In seconds.
    error GovernanceDelayTooShort(uint256 received, uint256 expected);
    /// The file does not name an account where one is needed.
    error AddressMissing(string key);
    /// A parameter is out of its range.
    error ParameterOutOfRange(string key, uint256 received, uint256 minimum, uint256 maximum);

    /// @notice How much slower than a user's way out the timelock must be: L1 may miss slots, which stretches the window.
    uint256 public constant GOVERNANCE_MARGIN = 1 days;
    /// @dev An L1 block takes so long, in seconds; one that L1 misses is what the margin is for.
    uint256 private constant SLOT = 12;
    /// @dev No window or delay is meant to be longer; it keeps sums far from overflow.
    uint256 private constant MAX_DURATION = 365 days;

    /// @dev Extensions that a dispute may last beyond both sides' clocks, one for each move and one to spare.
    uint256 private constant EXTENSIONS = Segment.LEVELS + 1;

    /// @notice Deploys to the chain that forge is connected to.
    /// @dev Returns nothing, or forge would take a revert of the script for a return value, and say so before the error.
    function run() external {
        Deployment memory deployment = deployAsConfigured();
        if (vm.isContext(VmSafe.ForgeContext.ScriptBroadcast)) write(deployment, _directory());
    }

    /// @notice Deploys what the environment says.
    function deployAsConfigured() public returns (Deployment memory deployment) {
        string memory configPath = vm.envOr("DEPLOY_CONFIG", string("script/config/devnet.json"));
        string memory programPath = vm.envOr("PROGRAM", string("program/postern-program.json"));
        requireNotDeployed(_directory());

        Config memory config = readConfig(configPath);
        Program memory program = readProgram(programPath);
        bytes32 genesisOutputRoot = readGenesisOutputRoot(_genesisPath(), config.l2ChainId);

        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        deployment = deploy(config, program, genesisOutputRoot, deployer);
        vm.stopBroadcast();
    }

    /// @notice Deploys and wires the contracts.
    /// @param deployer The account that creates them; its nonce says where they will be.
    function deploy(Config memory config, Program memory program, bytes32 genesisOutputRoot, address deployer)
        public
        returns (Deployment memory deployment)
    {
        check(config);

        deployment.timelock =
            new TimelockController(config.governanceDelay, config.proposers, config.executors, address(0));

        // Each implementation holds its peers' proxies as immutables, and these come after all implementations.
        uint256 nonce = vm.getNonce(deployer);
        address ctc = vm.computeCreateAddress(deployer, nonce + 5);
        address scc = vm.computeCreateAddress(deployer, nonce + 6);
        address bridge = vm.computeCreateAddress(deployer, nonce + 7);
        address game = vm.computeCreateAddress(deployer, nonce + 8);

        // The casts lose nothing: `check` bounds each value.
        // forge-lint: disable-start(unsafe-typecast)
        deployment.canonicalTransactionChainImplementation = address(
            new CanonicalTransactionChain(
                IMessageQueue(bridge), address(deployment.timelock), uint64(config.forceDelay)
            )
        );
        deployment.stateCommitmentChainImplementation = address(
            new StateCommitmentChain(
                ICanonicalTransactionChain(ctc),
                IOutboxVerifier(bridge),
                game,
                uint64(config.windowSeconds),
                uint64(config.windowBlocks),
                uint96(config.bond)
            )
        );
        deployment.bridgeImplementation =
            address(new Bridge(ICanonicalTransactionChain(ctc), IStateCommitmentChain(scc), config.metering));
        deployment.machineStep = new MachineStep();
        deployment.disputeGameImplementation = address(
            new DisputeGame(
                IStateCommitmentChain(scc),
                ICanonicalTransactionChain(ctc),
                deployment.machineStep,
                program.memoryRoot,
                program.entry,
                uint24(config.dispute.clock),
                uint24(config.dispute.extension),
                uint96(config.dispute.bond)
            )
        );
        // forge-lint: disable-end(unsafe-typecast)

        address owner = address(deployment.timelock);
        deployment.canonicalTransactionChain = CanonicalTransactionChain(
            _deployProxy(
                "CanonicalTransactionChain",
                ctc,
                deployment.canonicalTransactionChainImplementation,
                owner,
                abi.encodeCall(CanonicalTransactionChain.initialize, (config.sequencer))
            )
        );
        deployment.stateCommitmentChain = StateCommitmentChain(
            _deployProxy(
                "StateCommitmentChain",
                scc,
                deployment.stateCommitmentChainImplementation,
                owner,
                abi.encodeCall(StateCommitmentChain.initialize, (genesisOutputRoot))
            )
        );
        deployment.bridge = Bridge(
            _deployProxy(
                "Bridge", bridge, deployment.bridgeImplementation, owner, abi.encodeCall(Bridge.initialize, ())
            )
        );
        // The game has nothing to initialize, but a proxy insists on a call.
        deployment.disputeGame = DisputeGame(
            _deployProxy(
                "DisputeGame",
                game,
                deployment.disputeGameImplementation,
                owner,
                abi.encodeCall(deployment.disputeGame.CLOCK, ())
            )
        );
    }

    /// @notice The longest that a user needs to leave under the rules in force, in seconds: to be forced in, and to have it
    /// final, though it is disputed to the last.
    function exitTime(Config memory config) public pure returns (uint256) {
        uint256 dispute = 2 * config.dispute.clock + EXTENSIONS * config.dispute.extension;
        return 2 * config.forceDelay + Math.max(config.windowSeconds, SLOT * config.windowBlocks) + SLOT * dispute;
    }

    /// @notice Reverts if the parameters cannot make a safe deployment.
    function check(Config memory config) public pure {
        if (config.sequencer == address(0)) revert AddressMissing("sequencer");
        if (config.proposers.length == 0) revert AddressMissing("proposers");
        for (uint256 i; i < config.proposers.length; ++i) {
            if (config.proposers[i] == address(0)) revert AddressMissing("proposers");
        }
        if (config.executors.length == 0) revert AddressMissing("executors");
        _checkRange("l2ChainId", config.l2ChainId, 1, type(uint64).max);
        _checkRange("windowSeconds", config.windowSeconds, 1, MAX_DURATION);
        _checkRange("windowBlocks", config.windowBlocks, 1, MAX_DURATION);
        _checkRange("forceDelay", config.forceDelay, 1, MAX_DURATION);
        _checkRange("bond", config.bond, 1, type(uint96).max);
        _checkRange("dispute.clock", config.dispute.clock, 1, MAX_DURATION / SLOT);
        _checkRange("dispute.extension", config.dispute.extension, 1, config.dispute.clock);
        // To dispute a commitment must not take more than to propose it.
        _checkRange("dispute.bond", config.dispute.bond, 1, config.bond);

        uint256 minimumDelay = exitTime(config) + GOVERNANCE_MARGIN;
        if (config.governanceDelay < minimumDelay) {
            revert GovernanceDelayTooShort(config.governanceDelay, minimumDelay);
        }
    }

    /// @notice Reads the parameters.
    function readConfig(string memory path) public view returns (Config memory config) {
        string memory json = _readFile("configuration", path);
        config.l2ChainId = vm.parseJsonUint(json, ".l2ChainId");
        config.sequencer = vm.parseJsonAddress(json, ".sequencer");
        config.governanceDelay = vm.parseJsonUint(json, ".governanceDelay");
        config.proposers = vm.parseJsonAddressArray(json, ".proposers");
        config.executors = vm.parseJsonAddressArray(json, ".executors");
        config.windowSeconds = vm.parseJsonUint(json, ".windowSeconds");
        config.windowBlocks = vm.parseJsonUint(json, ".windowBlocks");
        config.bond = vm.parseJsonUint(json, ".bond");
        config.forceDelay = vm.parseJsonUint(json, ".forceDelay");
        config.dispute = DisputeConfig({
            clock: vm.parseJsonUint(json, ".dispute.clock"),
            extension: vm.parseJsonUint(json, ".dispute.extension"),
            bond: vm.parseJsonUint(json, ".dispute.bond")
        });
        config.metering = MeteringConfig({
            minimumPrice: _readUint64(json, "metering.minimumPrice"),
            targetPerBlock: _readUint64(json, "metering.targetPerBlock"),
            maximumPerBlock: _readUint64(json, "metering.maximumPerBlock")
        });
    }

    /// @notice Reads what the program is.
    function readProgram(string memory path) public view returns (Program memory) {
        string memory json = _readFile("program", path);
        return Program({memoryRoot: vm.parseJsonBytes32(json, ".memoryRoot"), entry: _readUint64(json, "entry")});
    }

    /// @notice Reads the root of the output that the L2 begins with.
    function readGenesisOutputRoot(string memory path, uint256 l2ChainId) public view returns (bytes32) {
        string memory json = _readGenesis(path);
        uint256 received = vm.parseJsonUint(json, ".l2ChainId");
        if (received != l2ChainId) revert L2ChainIdMismatch(received, l2ChainId);
        return vm.parseJsonBytes32(json, ".outputRoot");
    }

    /// @notice Reverts if the directory's files name contracts that exist on this chain.
    function requireNotDeployed(string memory directory) public view {
        string[6] memory names =
            ["Timelock", "CanonicalTransactionChain", "StateCommitmentChain", "Bridge", "DisputeGame", "MachineStep"];
        for (uint256 i; i < names.length; ++i) {
            _requireNotDeployed(directory, names[i]);
        }
    }

    /// @notice Writes a file for each contract.
    function write(Deployment memory deployment, string memory directory) public {
        vm.createDir(directory, true);
        _write(directory, "Timelock", address(deployment.timelock), address(0));
        _write(
            directory,
            "CanonicalTransactionChain",
            address(deployment.canonicalTransactionChain),
            deployment.canonicalTransactionChainImplementation
        );
        _write(
            directory,
            "StateCommitmentChain",
            address(deployment.stateCommitmentChain),
            deployment.stateCommitmentChainImplementation
        );
        _write(directory, "Bridge", address(deployment.bridge), deployment.bridgeImplementation);
        _write(directory, "DisputeGame", address(deployment.disputeGame), deployment.disputeGameImplementation);
        _write(directory, "MachineStep", address(deployment.machineStep), address(0));
    }

    function _deployProxy(
        string memory name,
        address expected,
        address implementation,
        address owner,
        bytes memory initialization
    ) private returns (address proxy) {
        proxy = address(new TransparentUpgradeableProxy(implementation, owner, initialization));
        _requireAddress(name, proxy, expected);
    }

    /// @dev `block.number` is a block before the deployment.
    function _write(string memory directory, string memory name, address deployed, address implementation) private {
        _write(directory, name, deployed, implementation, block.number);
    }

    function _readUint64(string memory json, string memory key) private pure returns (uint64) {
        uint256 value = vm.parseJsonUint(json, string.concat(".", key));
        _checkRange(key, value, 0, type(uint64).max);
        // forge-lint: disable-next-line(unsafe-typecast) checked on the line above
        return uint64(value);
    }

    function _checkRange(string memory key, uint256 received, uint256 minimum, uint256 maximum) private pure {
        if (received < minimum || received > maximum) revert ParameterOutOfRange(key, received, minimum, maximum);
    }
}
