import CSystem

/// Converts samples of one colour space to sRGB's, for the network, and back, by Little CMS with a context of its own. What
/// the library says of a broken profile goes nowhere; such a profile has no conversion.
///
/// One thread uses it.
final class ColourConversion {
    private enum Way {
        case transforms(forward: cmsHTRANSFORM, backward: cmsHTRANSFORM?)
        /// Of each grey.
        case tables(forward: [UInt8], backward: [UInt8]?)
    }

    private let context: cmsContext
    /// Back there may be none, where a profile only tells how samples are to be read.
    private let way: Way

    /// Means of differences in 8-bit samples over the colour cube, up to which a space is taken for sRGB: 1.6 for a
    /// gamma of 1/2.2, 4.9 for 1/2, 5.4 for 1/2.4; 10.2 for Display P3, 10.6 for Adobe RGB, 10.9 for a gamma of 1/1.8.
    private static let leastDifference = 6.0
    private static let pixelsAtOnce = 1 << 16

    /// Nil where there is nothing to convert: for sRGB, for what differs little from it, and where the library can't read
    /// the profile.
    init?(_ space: ColourSpace) {
        guard space != .standard, let context = cmsCreateContext(nil, nil) else { return nil }
        cmsSetLogErrorHandlerTHR(context) { _, _, _ in }
        guard let profile = Self.profile(of: space, in: context), let standard = cmsCreate_sRGBProfileTHR(context) else {
            cmsDeleteContext(context)
            return nil
        }
        let way = Self.way(profile, standard, in: context)
        cmsCloseProfile(profile)
        cmsCloseProfile(standard)
        guard let way else {
            cmsDeleteContext(context)
            return nil
        }
        (self.context, self.way) = (context, way)
        guard meanDifference >= Self.leastDifference else { return nil }
    }

    private static func way(_ profile: cmsHPROFILE, _ standard: cmsHPROFILE, in context: cmsContext) -> Way? {
        let isGrey = cmsGetColorSpace(profile) == cmsSigGrayData
        let form = isGrey ? COLOUR_FORM_GREY_8 : COLOUR_FORM_RGB_8
        let intent = UInt32(INTENT_RELATIVE_COLORIMETRIC)
        // The library's shortcuts are ten levels off in the shadows of a linear grey; tables of 256 need none.
        let flags = UInt32(cmsFLAGS_BLACKPOINTCOMPENSATION) | (isGrey ? UInt32(cmsFLAGS_NOOPTIMIZE) : 0)
        let forward = cmsCreateTransformTHR(context, profile, form, standard, COLOUR_FORM_RGB_8, intent, flags)
        let backward = cmsCreateTransformTHR(context, standard, COLOUR_FORM_RGB_8, profile, form, intent, flags)
        guard isGrey || forward == nil else {
            return forward.map { .transforms(forward: $0, backward: backward) }
        }
        defer {
            if let forward { cmsDeleteTransform(forward) }
            if let backward { cmsDeleteTransform(backward) }
        }
        guard let forward else { return nil }
        let greys = [UInt8](0...255)
        let seen = Self.transformed(greys, by: forward, pixels: 256, channels: 3)
        return .tables(
            forward: greys.indices.map { seen[3 * $0 + 1] },
            backward: backward.map { Self.transformed(greys.flatMap { [$0, $0, $0] }, by: $0, pixels: 256, channels: 1) })
    }

    deinit {
        if case .transforms(let forward, let backward) = way {
            cmsDeleteTransform(forward)
            if let backward { cmsDeleteTransform(backward) }
        }
        cmsDeleteContext(context)
    }

    /// Whether sRGB's colours can be given back as this space's.
    var isReversible: Bool {
        switch way {
        case .transforms(_, let backward): backward != nil
        case .tables(_, let backward): backward != nil
        }
    }

    /// How many of the 256 greys of sRGB are told apart by 8 bits of this space.
    var greysToldApart: Int {
        let values = fromStandard((0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] })
        return Set(stride(from: 1, to: values.count, by: 3).map { values[$0] }).count
    }

    /// - Parameter pixels: interleaved RGB, equal in each pixel where the space is of grey.
    func toStandard(_ pixels: [UInt8]) -> [UInt8] {
        switch way {
        case .transforms(let forward, _):
            Self.transformed(pixels, by: forward, pixels: pixels.count / 3, channels: 3)
        case .tables(let forward, _): pixels.map { forward[Int($0)] }
        }
    }

    /// The same the other way; the pixels themselves where there is no way back. To grey by what colours give to brightness
    /// (BT.709).
    func fromStandard(_ pixels: [UInt8]) -> [UInt8] {
        switch way {
        case .transforms(_, let backward):
            guard let backward else { return pixels }
            return Self.transformed(pixels, by: backward, pixels: pixels.count / 3, channels: 3)
        case .tables(_, let backward):
            guard let backward else { return pixels }
            return stride(from: 0, to: pixels.count - 2, by: 3).flatMap { start in
                let parts = 54 * Int(pixels[start]) + 183 * Int(pixels[start + 1]) + 19 * Int(pixels[start + 2])
                return [UInt8](repeating: backward[(parts + 128) >> 8], count: 3)
            }
        }
    }

    private static func transformed(
        _ samples: [UInt8], by transform: cmsHTRANSFORM, pixels: Int, channels: Int
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: pixels * channels) { space, written in
            samples.withUnsafeBufferPointer { cmsDoTransform(transform, $0.baseAddress, space.baseAddress, UInt32(pixels)) }
            written = pixels * channels
        }
    }

    /// Of samples and what they become, over the cube in steps of 32, or over all greys.
    private var meanDifference: Double {
        var samples: [UInt8] = []
        if case .tables = way {
            samples = [UInt8](0...255)
        } else {
            let steps = (0...8).map { UInt8(min(255, 32 * $0)) }
            for red in steps { for green in steps { for blue in steps { samples += [red, green, blue] } } }
        }
        let sum = zip(samples, toStandard(samples)).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        return Double(sum) / Double(samples.count)
    }
}

// MARK: Whole pictures

extension ColourConversion {
    /// Converts a picture's pixels in place.
    ///
    /// Throws `cancelled`.
    func convertToStandard(_ pixels: inout [UInt8], shouldContinue: () -> Bool) throws(ImageError) {
        try forEachPart(of: pixels.count, shouldContinue) { part in
            pixels.replaceSubrange(part, with: toStandard(Array(pixels[part])))
        }
    }

    /// Carries what a restoration changed over to the samples that a file has: where it changed nothing they stay as they
    /// are, outside sRGB's colours as well.
    ///
    /// - Parameters:
    ///   - stored: the file's own samples, which become the restored ones.
    ///   - restored: the restored picture in sRGB.
    /// Throws `cancelled`.
    func carry(
        _ restored: [UInt8], to stored: inout [UInt8], shouldContinue: () -> Bool
    ) throws(ImageError) {
        try forEachPart(of: min(restored.count, stored.count), shouldContinue) { part in
            let before = fromStandard(toStandard(Array(stored[part]))), after = fromStandard(Array(restored[part]))
            for (index, place) in part.enumerated() where before[index] != after[index] {
                stored[place] = UInt8(clamping: Int(stored[place]) + Int(after[index]) - Int(before[index]))
            }
        }
    }

    private func forEachPart(
        of count: Int, _ shouldContinue: () -> Bool, _ body: (Range<Int>) -> Void
    ) throws(ImageError) {
        for start in stride(from: 0, to: count, by: 3 * Self.pixelsAtOnce) {
            guard shouldContinue() else { throw .cancelled }
            body(start..<min(count, start + 3 * Self.pixelsAtOnce))
        }
    }
}

// MARK: Profiles

extension ColourConversion {
    /// An RGB profile of the library's, for what has no profile of its own. The caller closes it.
    fileprivate static func profile(of space: ColourSpace, in context: cmsContext) -> cmsHPROFILE? {
        switch space {
        case .standard: return cmsCreate_sRGBProfileTHR(context)
        case .profile(let bytes): return cmsOpenProfileFromMemTHR(context, bytes, UInt32(bytes.count))
        case .primaries(let primaries, let curve):
            guard let curve = toneCurve(curve, in: context) else { return nil }
            defer { cmsFreeToneCurve(curve) }
            func point(_ value: ColourPrimaries.Chromaticity) -> cmsCIExyY { cmsCIExyY(x: value.x, y: value.y, Y: 1) }
            var white = point(primaries.white)
            var triple = cmsCIExyYTRIPLE(
                Red: point(primaries.red), Green: point(primaries.green), Blue: point(primaries.blue))
            var curves: [OpaquePointer?] = [curve, curve, curve]
            return cmsCreateRGBProfileTHR(context, &white, &triple, &curves)
        }
    }

    private static let tableEntries = 4096

    private static func toneCurve(_ curve: TransferCurve, in context: cmsContext) -> OpaquePointer? {
        if let table = curve.table(entries: tableEntries) {
            let values = table.map { UInt16((min(max($0, 0), 1) * 65_535).rounded()) }
            return cmsBuildTabulatedToneCurve16(context, UInt32(values.count), values)
        }
        if case .gamma(let exponent) = curve { return cmsBuildGamma(context, exponent) }
        // IEC 61966-2-1, in the library's fourth form: (a x + b)^g from d on, c x below.
        return cmsBuildParametricToneCurve(context, 4, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
    }

    /// A profile for formats that carry nothing else, with no date, so that its bytes are always the same; nil for
    /// sRGB, and for high dynamic range, which profiles don't carry.
    static func profile(of space: ColourSpace) -> [UInt8]? {
        guard case .primaries(_, let curve) = space, curve.table(entries: 2) == nil,
            let context = cmsCreateContext(nil, nil)
        else { return nil }
        defer { cmsDeleteContext(context) }
        cmsSetLogErrorHandlerTHR(context) { _, _, _ in }
        guard let profile = profile(of: space, in: context) else { return nil }
        defer { cmsCloseProfile(profile) }
        var size: UInt32 = 0
        guard cmsSaveProfileToMem(profile, nil, &size) != 0, size > 128 else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        guard cmsSaveProfileToMem(profile, &bytes, &size) != 0 else { return nil }
        bytes.replaceSubrange(dateField, with: [UInt8](repeating: 0, count: dateField.count))
        return bytes
    }

    private static let dateField = 24..<36  // ICC.1, section 7.2.8
}
