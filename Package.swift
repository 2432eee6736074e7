// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order of the data flow: bytes -> picture -> tensors -> networks -> sampler -> picture ->
// bytes. A target imports only those above it; `ArchitectureTests` holds the manifest to that.

/// Every Swift target: language mode 6, explicit existentials, imports private by default; CI makes warnings errors.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// Optimised in debug builds as well: the parity tests would take minutes without it.
let kernelSettings: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-Wall"])]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// libFuzzer's program, of which `Tests/Fuzz/run` alone has use: its linker needs what a usual build hasn't.
let fuzzing: [Target] = Context.environment["RESTORED_FUZZ"] == nil ? [] : [
    .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
        name: "Fuzz", dependencies: ["CFuzzer", "FuzzChecks"], path: "Tests/Fuzz/Program", swiftSettings: settings),
]

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "restored",
    products: [.executable(name: "restored", targets: ["restored"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .target(
            name: "CImageCodecs", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra"])],
            linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png16"), .linkedLibrary("z")]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CKernels", cSettings: kernelSettings),
        .systemLibrary(name: "CEpoll"),
        .systemLibrary(name: "CMalloc"),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        library("Images", ["CImageCodecs"]),
        library("Tensors", ["CKernels", "COpenBLAS"]),
        library("Checkpoints", []),
        library("Layers", ["Tensors", "Checkpoints"]),
        library("CLIP", ["CZlib", "Images", "Tensors", "Checkpoints", "Layers"]),
        library("Diffusion", ["CKernels", "Tensors", "Checkpoints", "Layers"]),
        library("Bundles", ["Checkpoints", "CLIP", "Diffusion", crypto]),
        library("Batching", []),
        library("Restoration", ["Images", "Tensors", "CLIP", "Diffusion", "Bundles", "Batching"]),
        library("HTTPWire", [httpTypes]),
        library("HTTPServer", ["CEpoll", "HTTPWire", httpTypes]),
        .target(
            name: "Service",
            dependencies: [
                "Images", "Diffusion", "Bundles", "Restoration", "HTTPWire", "HTTPServer", crypto, httpTypes, logging,
            ],
            resources: [.embedInCode("openapi.yaml")], swiftSettings: settings),
        .executableTarget(
            name: "restored",
            dependencies: [
                "CCurl", "CMalloc", "Images", "Tensors", "Diffusion", "Checkpoints", "Bundles", "Restoration", "HTTPServer",
                "Service", argumentParser, logging,
            ], swiftSettings: settings),
        .target(
            name: "TestSupport", dependencies: ["Images", "Checkpoints", "Tensors"], path: "Tests/TestSupport",
            swiftSettings: settings),
        .target(
            name: "FuzzChecks", dependencies: ["Checkpoints", "HTTPWire", "Images", httpTypes],
            path: "Tests/Fuzz/Checks", swiftSettings: settings),
        tests("FuzzTests", ["FuzzChecks", "TestSupport"]),
        tests("ImagesTests", ["FuzzChecks", "Images", "TestSupport"]),
        tests("TensorsTests", ["Tensors"]),
        tests("CheckpointsTests", ["Checkpoints", "TestSupport"]),
        tests("CLIPTests", ["CLIP", "CZlib", "Checkpoints", "Tensors", "TestSupport"]),
        tests("DiffusionTests", ["Diffusion", "CKernels", "Checkpoints", "Tensors", "TestSupport"]),
        tests("BundlesTests", ["Bundles", "TestSupport"]),
        tests("BatchingTests", ["Batching"]),
        tests(
            "RestorationTests",
            ["Restoration", "Bundles", "CLIP", "Checkpoints", "Diffusion", "Images", "Tensors", "TestSupport"]),
        tests("HTTPWireTests", ["HTTPWire", httpTypes]),
        tests("HTTPServerTests", ["HTTPServer", "HTTPWire", httpTypes]),
        tests(
            "ServiceTests",
            [
                "Service", "HTTPServer", "HTTPWire", "Images", "Diffusion", "Bundles", "Restoration", "TestSupport",
                httpTypes, logging,
            ]),
        tests("ProgramTests", ["TestSupport"]),
        tests("ArchitectureTests", ["TestSupport"]),
    ] + fuzzing,
    swiftLanguageModes: [.v6]
)
