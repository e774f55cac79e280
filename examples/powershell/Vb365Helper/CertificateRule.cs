// Whether a server's certificate is one to talk to. .NET asks on threads of its own, where no
// script block can run: that is why this is not PowerShell. It only ever narrows .NET's own verdict
// or replaces it by an exact match; nothing here accepts a certificate because nobody objected.
// C# 5, the newest that the compiler of Windows PowerShell 5.1 takes.

using System;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Vb365Helper
{
    /// <summary>
    /// Pins, or else .NET's verdict with roots added; the same rule as the program's own.
    /// </summary>
    public sealed class CertificateRule
    {
        private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

        // What a chain that ends at an added root has wrong with it in the eyes of the system.
        private const X509ChainStatusFlags UnknownRoot =
            X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

        private readonly string[] pins;
        private readonly X509Certificate2[] roots;
        private volatile string refused;

        /// <param name="pins">SHA-256 of the only certificates to accept, in lower-case digits; may be empty.</param>
        /// <param name="roots">Roots to trust beside the system's where there are no pins; may be empty.</param>
        public CertificateRule(string[] pins, X509Certificate2[] roots)
        {
            this.pins = pins ?? new string[0];
            this.roots = roots ?? new X509Certificate2[0];
        }

        /// <summary>The SHA-256 of the certificate that was refused last; null if none was.</summary>
        public string Refused
        {
            get { return refused; }
        }

        /// <summary>
        /// A name that rules have in common if they accept the same. A connection that .NET keeps open is
        /// not judged again, and must not be shared with a request under another rule.
        /// </summary>
        public string Name
        {
            get
            {
                string[] trusted = Array.ConvertAll<X509Certificate2, string>(roots, Fingerprint);
                return "Vb365Helper pins:" + string.Join(",", pins) + " roots:" + string.Join(",", trusted);
            }
        }

        /// <summary>The rule as a web request takes it.</summary>
        public RemoteCertificateValidationCallback Callback
        {
            get { return Accepts; }
        }

        private bool Accepts(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
        {
            if (certificate == null)
            {
                return false;
            }
            string fingerprint = Fingerprint(certificate);
            bool trusted = pins.Length > 0
                ? Array.IndexOf(pins, fingerprint) >= 0
                : errors == SslPolicyErrors.None || LeadsToRoot(certificate, chain, errors);
            if (!trusted)
            {
                refused = fingerprint;
            }
            return trusted;
        }

        private bool LeadsToRoot(X509Certificate certificate, X509Chain presented, SslPolicyErrors errors)
        {
            // A wrong name or a missing certificate is no root's to mend.
            if (errors != SslPolicyErrors.RemoteCertificateChainErrors)
            {
                return false;
            }
            X509Certificate2 leaf = certificate as X509Certificate2 ?? new X509Certificate2(certificate);
            // One by one: of two roots with the same name a chain may be tried with the first alone.
            return Array.Exists(roots, root => LeadsTo(root, leaf, presented));
        }

        private static bool LeadsTo(X509Certificate2 root, X509Certificate2 leaf, X509Chain presented)
        {
            X509Chain chain = new X509Chain();
            // No revocation lists, as in the verdict that this stands in for.
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
            chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
            chain.ChainPolicy.ExtraStore.Add(root);
            if (presented != null)
            {
                foreach (X509ChainElement element in presented.ChainElements)
                {
                    chain.ChainPolicy.ExtraStore.Add(element.Certificate);
                }
            }
            if (!chain.Build(leaf) || !Array.TrueForAll(chain.ChainStatus, IsAboutTheRoot))
            {
                return false;
            }
            // The whole certificate counts: a name can be borrowed.
            X509Certificate2 top = chain.ChainElements[chain.ChainElements.Count - 1].Certificate;
            return Fingerprint(top) == Fingerprint(root);
        }

        private static bool IsAboutTheRoot(X509ChainStatus status)
        {
            return (status.Status & ~UnknownRoot) == X509ChainStatusFlags.NoError;
        }

        private static string Fingerprint(X509Certificate certificate)
        {
            using (SHA256 sha256 = SHA256.Create())
            {
                byte[] digest = sha256.ComputeHash(certificate.GetRawCertData());
                return BitConverter.ToString(digest).Replace("-", "").ToLowerInvariant();
            }
        }
    }
}
