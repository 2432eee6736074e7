package import Foundation

/// Where this checkout stands, told from the place of this very file.
package enum Repository {
    /// The folder of `Package.swift`.
    package static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .standardizedFileURL

    /// The folder that an environment variable names, if it names one that exists.
    ///
    /// A variable that names a missing folder gives nil and not the default: whoever set it wants no silent substitute.
    static func folder(variable: String, otherwise candidates: [URL]) -> URL? {
        if let named = ProcessInfo.processInfo.environment[variable], !named.isEmpty {
            let url = URL(fileURLWithPath: named, isDirectory: true)
            return exists(url) ? url : nil
        }
        return candidates.first(where: exists)
    }

    /// A folder beside the checkout: `../shared/NAME`.
    static func shared(_ name: String) -> URL {
        root.deletingLastPathComponent().appendingPathComponent("shared")
            .appendingPathComponent(name, isDirectory: true)
    }

    private static func exists(_ url: URL) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}
