import Bundles
import Settings

/// Where bundles are, by the settings.
enum BundlePlaces {
    /// The folder of fetched weights; nil where nothing says where the user's files are.
    static func weights(_ configuration: Configuration) throws(SystemFault) -> WeightsFolder? {
        guard let folder = WeightsFolder(setting: configuration.weights, environment: ProgramArguments.environment)
        else { return nil }
        let path = FilePath(escaped: folder.path)
        // One that isn't there, and has no name in text either, has no bundles.
        guard try FileStatus.following(path) != nil else { return WeightsFolder(path: path.text) }
        return WeightsFolder(path: try path.textualName())
    }

    /// The folder that a bundle's name or path leads to.
    ///
    /// - Throws: `CommandFailure`: no input.
    static func folder(_ bundle: String, _ configuration: Configuration) throws(CommandFailure) -> FilePath {
        do {
            return FilePath(escaped: try WeightsFolder.resolve(bundle, in: try weights(configuration)))
        } catch {
            throw CommandFailure(error)
        }
    }
}
