import CSystem

/// Converts samples of one colour space to sRGB's, for the network, and back, by Little CMS with a context of its own. What
/// the library says of a broken profile goes nowhere; such a profile has no conversion.
///
/// One thread uses it.
final class ColourConversion {
    private let context: cmsContext
    private let forward: cmsHTRANSFORM
    /// Nil where a profile only tells how samples are to be read.
    private let backward: cmsHTRANSFORM?
    private let isGrey: Bool

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
        isGrey = cmsGetColorSpace(profile) == cmsSigGrayData
        let form = isGrey ? COLOUR_FORM_GREY_8 : COLOUR_FORM_RGB_8
        let intent = UInt32(INTENT_RELATIVE_COLORIMETRIC), flags = UInt32(cmsFLAGS_BLACKPOINTCOMPENSATION)
        let forward = cmsCreateTransformTHR(context, profile, form, standard, COLOUR_FORM_RGB_8, intent, flags)
        let backward = cmsCreateTransformTHR(context, standard, COLOUR_FORM_RGB_8, profile, form, intent, flags)
        cmsCloseProfile(profile)
        cmsCloseProfile(standard)
        guard let forward else {
            if let backward { cmsDeleteTransform(backward) }
            cmsDeleteContext(context)
            return nil
        }
        (self.context, self.forward, self.backward) = (context, forward, backward)
        guard meanDifference >= Self.leastDifference else { return nil }
    }

    deinit {
        cmsDeleteTransform(forward)
        if let backward { cmsDeleteTransform(backward) }
        cmsDeleteContext(context)
    }

    /// Whether sRGB's colours can be given back as this space's.
    var isReversible: Bool { backward != nil }

    /// How many of the 256 greys of sRGB are told apart by 8 bits of this space.
    var greysToldApart: Int {
        let ramp = (0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
        let values = fromStandard(ramp)
        return Set(stride(from: 0, to: values.count, by: 3).map { values[$0 + 1] }).count
    }

    /// - Parameter pixels: interleaved RGB, equal in each pixel where the space is of grey.
    func toStandard(_ pixels: [UInt8]) -> [UInt8] { converted(pixels, by: forward, expectsGrey: isGrey, givesGrey: false) }

    /// The same the other way; the pixels themselves where there is no way back.
    func fromStandard(_ pixels: [UInt8]) -> [UInt8] {
        guard let backward else { return pixels }
        return converted(pixels, by: backward, expectsGrey: false, givesGrey: isGrey)
    }

    private func converted(
        _ pixels: [UInt8], by transform: cmsHTRANSFORM, expectsGrey: Bool, givesGrey: Bool
    ) -> [UInt8] {
        let count = pixels.count / 3
        let input = expectsGrey ? stride(from: 0, to: 3 * count, by: 3).map { pixels[$0] } : pixels
        let output = [UInt8](unsafeUninitializedCapacity: count * (givesGrey ? 1 : 3)) { space, written in
            input.withUnsafeBufferPointer { cmsDoTransform(transform, $0.baseAddress, space.baseAddress, UInt32(count)) }
            written = count * (givesGrey ? 1 : 3)
        }
        return givesGrey ? output.flatMap { [$0, $0, $0] } : output
    }

    /// Of samples and what they become, over the cube in steps of 32, or over all greys.
    private var meanDifference: Double {
        let steps = (0...8).map { UInt8(min(255, 32 * $0)) }
        let samples = isGrey
            ? (0...255).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
            : steps.flatMap { red in steps.flatMap { green in steps.flatMap { [red, green, $0] } } }
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
