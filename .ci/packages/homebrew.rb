# Builds from the release's sources, on macOS and on Linux.
class Vb365Helper < Formula
  desc "Credential helper for the REST API of Veeam Backup for Microsoft 365"
  homepage "@PROJECT@"
  url "@RELEASE@/@SOURCE@.tar.gz"
  sha256 "@SOURCE_SHA256@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"vb365-helper", "completions", shells: [:bash, :zsh, :fish])
    system bin/"vb365-helper", "man", "--dir", buildpath/"man"
    man1.install Dir["man/*.1"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/vb365-helper --version")
    system bin/"vb365-helper", "list"
  end
end
