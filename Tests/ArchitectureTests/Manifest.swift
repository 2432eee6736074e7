import Foundation
import TestSupport

/// What `Package.swift` says about the targets, read as text: their order, names and dependencies.
struct Manifest {
    struct Target {
        var name: String
        /// Everything named as a dependency: targets by their names, products by the constants of the manifest.
        var dependencies: [String]
        var isTest: Bool
    }

    let targets: [Target]
    /// The products of other packages, by the constants that name them.
    let products: [String: (module: String, package: String)]
    /// The packages that are fetched.
    let packages: Set<String>

    /// The module that stands behind a dependency's name.
    func module(_ dependency: String) -> String { products[dependency]?.module ?? dependency }

    var names: Set<String> { Set(targets.map(\.name)) }

    init() throws {
        let text = try String(contentsOf: Repository.root.appending(path: "Package.swift"), encoding: .utf8)
        products = Dictionary(
            uniqueKeysWithValues: text.matches(of: /let (\w+) = Target\.Dependency\.product\(name: "(\w+)", package: "([\w-]+)"\)/)
                .map { (String($0.output.1), (String($0.output.2), String($0.output.3))) })
        packages = Set(text.matches(of: /\.package\(url: "[^"]*\/([\w-]+)"/).map { String($0.output.1) })
        // What stands above the package are the functions that declare targets.
        let declarations = try Substring(text).after("let package = Package(").after("targets: [")
        var targets: [Target] = []
        var rest = declarations
        let opening = /(\.target|\.executableTarget|\.systemLibrary|\blibrary|\bnetwork|\btests)\(/
        while let match = rest.firstMatch(of: opening) {
            let body = try Manifest.balanced(rest[match.range.upperBound...])
            targets.append(try Manifest.target(kind: String(match.output.1), body: body))
            rest = rest[body.endIndex...]
        }
        self.targets = targets
    }

    private static func target(kind: String, body: Substring) throws -> Target {
        guard let name = body.firstMatch(of: /"(\w+)"/)?.output.1 else { throw Malformed(text: String(body)) }
        // `library`, `network` and `tests` have the list as their second argument, the others under a label.
        let list = ["library", "network", "tests"].contains(kind) ? body : body.firstMatch(of: /dependencies:/).map {
            body[$0.range.upperBound...]
        }
        var dependencies: [String] = []
        if let list, let start = list.firstIndex(of: "["), let end = list[start...].firstIndex(of: "]") {
            dependencies = list[start...end].matches(of: /\w+/).map { String($0.output) }
        }
        let isTest = kind == "tests" || body.contains("path: \"Tests/")
        return Target(name: String(name), dependencies: dependencies, isTest: isTest)
    }

    /// Up to the parenthesis that closes one opened just before.
    private static func balanced(_ text: Substring) throws -> Substring {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text[..<index] }
        }
        throw Malformed(text: String(text.prefix(80)))
    }
}

/// A manifest that doesn't read as this reader expects; then the reader has to follow the manifest.
struct Malformed: Error {
    var text: String
}

extension Substring {
    fileprivate func after(_ text: String) throws -> Substring {
        guard let range = range(of: text) else { throw Malformed(text: "no '\(text)'") }
        return self[range.upperBound...]
    }
}
