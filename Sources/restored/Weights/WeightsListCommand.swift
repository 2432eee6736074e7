import ArgumentParser
import Bundles
import Engine

/// `restored weights list [--catalogue FILE] [--json]`.
struct WeightsListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the bundles that can be had, and those that are here.")

    @OptionGroup var weightsOptions: WeightsOptions
    @OptionGroup var catalogueOptions: CatalogueOptions

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        try CommandFailure.reporting {
            var configuration = try weightsOptions.configuration()
            catalogueOptions.apply(to: &configuration)
            let listing = CatalogueListing(
                try BundlePlaces.catalogue(configuration), in: try BundlePlaces.weights(configuration),
                kinds: RecipeRegistry.standard.kinds)
            try StandardOutput.printLine(json ? listing.json : listing.text)
        }
    }
}
