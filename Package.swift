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
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func library(_ name: String, _ dependencies: [Target.Dependency], exclude pages: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: pages, swiftSettings: settings)
}

/// A network of `Sources/Networks`, with the page that defines it.
func network(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Networks/\(name)", exclude: ["README.md"],
        swiftSettings: settings)
}

/// libFuzzer's program, of which `Tests/Fuzz/run` alone has use: its linker needs what a usual build hasn't.
let fuzzing: [Target] = Context.environment["RESTORED_FUZZ"] == nil ? [] : [
    .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
        name: "Fuzz", dependencies: ["CFuzzer", "FuzzChecks"], path: "Tests/Fuzz/Program", swiftSettings: settings),
]

/// The page that the service shows, whose sources `Service/Page/PageDocument.swift` puts together.
let page: [Resource] = [
    "page.html", "page.css", "service.js", "problems.js", "key.js", "formats.js", "reference.js", "samples.js", "settings.js", "compare.js",
    "card.js", "start.js", "sample.jpg",
].map { .embedInCode("Page/\($0)") }

/// What the store of shared jobs runs at once, undivided, on its server.
let scripts: [Resource] = [
    "common.lua", "accept.lua", "begin.lua", "renew.lua", "release.lua", "end.lua", "cancel.lua", "overview.lua",
].map { .embedInCode("Jobs/Shared/\($0)") }

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "restored",
    products: [.executable(name: "restored", targets: ["restored"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .target(
            name: "CSystem",
            linkerSettings: [
                .linkedLibrary("curl"), .linkedLibrary("lcms2"), .linkedLibrary("openblas"), .linkedLibrary("z"),
            ]),
        .target(
            name: "CImageCodecs", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra"])],
            linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png16"), .linkedLibrary("z")]),
        .target(name: "CKernels", cSettings: kernelSettings),
        library("Threads", []),
        library("Images", ["CSystem", "CImageCodecs"]),
        library("Compute", ["Threads", "CKernels", "CSystem"]),
        library("Checkpoints", []),
        library("Layers", ["CKernels", "CSystem", "Compute", "Checkpoints"], exclude: ["README.md"]),
        network("CLIP", ["CSystem", "Images", "Compute", "Checkpoints", "Layers"]),
        network("RestorationUNet", ["Compute", "Checkpoints", "Layers"]),
        network("NAFNet", ["Compute", "Checkpoints", "Layers"]),
        network("ConditionalNAFNet", ["Compute", "Checkpoints", "Layers", "RestorationUNet", "NAFNet"]),
        network("SentenceEncoder", ["Compute", "Checkpoints", "Layers"]),
        network("InstructIR", ["Compute", "Checkpoints", "Layers", "NAFNet"]),
        network("Restormer", ["Compute", "Checkpoints", "Layers"]),
        network("PromptIR", ["Compute", "Checkpoints", "Layers", "Restormer"]),
        network(
            "GuidedRestoration", ["CKernels", "Compute", "Checkpoints", "Layers", "NAFNet", "Restormer", "PromptIR"]),
        network("LatentUNet", ["Compute", "Checkpoints", "Layers"]),
        network("Autoencoder", ["Compute", "Checkpoints", "Layers"]),
        network("Pseudowords", ["CLIP", "Compute", "Checkpoints", "Layers"]),
        library("Diffusion", ["CKernels", "Checkpoints"], exclude: ["README.md"]),
        .target(
            name: "Bundles", dependencies: ["CSystem", "Threads", "Checkpoints", crypto],
            resources: [.embedInCode("catalogue.json")], swiftSettings: settings),
        library("Scheduling", ["Threads"]),
        library(
            "Engine",
            [
                "Threads", "Images", "Compute", "Checkpoints", "CLIP", "RestorationUNet", "NAFNet", "ConditionalNAFNet",
                "SentenceEncoder", "InstructIR", "Restormer", "PromptIR", "GuidedRestoration", "LatentUNet", "Autoencoder", "Pseudowords",
                "Diffusion", "Bundles", "Scheduling",
            ]),
        library("HTTPWire", [httpTypes]),
        library("HTTPServer", ["CSystem", "HTTPWire", httpTypes]),
        library("Redis", ["CSystem", "Threads"]),
        library("Settings", ["Images", "Engine", "Scheduling", "Redis"]),
        .target(
            name: "Service",
            dependencies: [
                "CSystem", "Threads", "Images", "Checkpoints", "Bundles", "Scheduling", "Engine", "HTTPWire", "HTTPServer", "Redis",
                "Settings", crypto, httpTypes, logging,
            ],
            exclude: ["Jobs/Shared/README.md"], resources: [.embedInCode("openapi.yaml")] + page + scripts, swiftSettings: settings),
        .executableTarget(
            name: "restored",
            dependencies: [
                "CSystem", "Threads", "Images", "Compute", "Checkpoints", "Bundles", "Scheduling",
                "Engine", "HTTPServer", "Redis", "Settings", "Service", argumentParser,
            ], swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: ["Threads", "Images", "Compute", "Checkpoints", "CLIP", "RestorationUNet", "Bundles"],
            path: "Tests/TestSupport", swiftSettings: settings),
        .target(
            name: "FuzzChecks", dependencies: ["Bundles", "Checkpoints", "HTTPWire", "Images", "Redis", httpTypes],
            path: "Tests/Fuzz/Checks", swiftSettings: settings),
        tests("FuzzTests", ["FuzzChecks", "TestSupport"]),
        tests("ImagesTests", ["FuzzChecks", "Images", "TestSupport"]),
        tests("ComputeTests", ["Compute", "TestSupport", "Threads"]),
        tests("LayersTests", ["CKernels", "Checkpoints", "Compute", "Layers"]),
        tests("CheckpointsTests", ["Checkpoints", "TestSupport"]),
        tests("CLIPTests", ["CLIP", "CSystem", "Checkpoints", "Compute", "Images", "TestSupport"]),
        tests("DiffusionTests", ["Diffusion", "RestorationUNet", "CKernels", "Checkpoints", "Compute", "TestSupport"]),
        tests(
            "SinglePassTests",
            [
                "NAFNet", "ConditionalNAFNet", "SentenceEncoder", "InstructIR", "Restormer", "PromptIR", "Checkpoints",
                "Compute", "Layers", "Images", "TestSupport",
            ]),
        tests("GuidedTests", ["GuidedRestoration", "Checkpoints", "Compute", "Images", "TestSupport"]),
        tests(
            "LatentTests",
            [
                "CLIP", "LatentUNet", "Autoencoder", "Pseudowords", "Diffusion", "Bundles", "Engine", "Images", "Layers",
                "Checkpoints", "Compute", "TestSupport",
            ]),
        tests("BundlesTests", ["Bundles", "Checkpoints", "TestSupport", "Threads"]),
        tests("SchedulingTests", ["Scheduling"]),
        tests(
            "EngineTests",
            ["Engine", "Bundles", "CLIP", "Checkpoints", "Diffusion", "RestorationUNet", "Images", "Compute", "TestSupport"]),
        tests("HTTPWireTests", ["HTTPWire", httpTypes]),
        tests("HTTPServerTests", ["HTTPServer", "HTTPWire", httpTypes]),
        tests("RedisTests", ["Redis", "TestSupport", "Threads"]),
        tests("SettingsTests", ["Settings", "Service"]),
        tests(
            "ServiceTests",
            [
                "Service", "Settings", "HTTPServer", "HTTPWire", "Images", "Bundles", "Engine", "Redis", "TestSupport",
                crypto, httpTypes, logging,
            ]),
        tests(
            "RecipeTests",
            [
                "restored", "Service", "Settings", "HTTPServer", "Engine", "Scheduling", "Bundles", "Checkpoints", "Compute",
                "Images", "Threads", "CLIP", "RestorationUNet", "NAFNet", "ConditionalNAFNet", "SentenceEncoder",
                "InstructIR", "Restormer", "PromptIR", "GuidedRestoration", "LatentUNet", "Autoencoder", "Diffusion", "TestSupport",
                argumentParser,
            ]),
        tests("ProgramTests", ["restored", "Bundles", "Checkpoints", "Images", "TestSupport", "Threads"]),
        tests("ArchitectureTests", ["TestSupport"]),
    ] + fuzzing,
    swiftLanguageModes: [.v6]
)
