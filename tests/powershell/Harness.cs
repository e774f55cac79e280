// Asks one URL under a CertificateRule, as the module does, and says in one line what came of it:
//   Harness.exe URL [pin=HEX|root=FILE]... [careless] [misnamed] [after=HEX]
// With `careless` the whole process has switched checks off, as many scripts do, which the rule must survive.
// With `misnamed` the rule is told of a wrong name, too: mono, unlike .NET, keeps quiet about the name
// where the chain is wrong already.
// With `after` another request under a rule with that pin goes before, whose connection stays open.

using System;
using System.Collections.Generic;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Vb365Helper;

internal static class Harness
{
    private static int Main(string[] args)
    {
        List<string> pins = new List<string>();
        List<X509Certificate2> roots = new List<X509Certificate2>();
        foreach (string arg in args)
        {
            if (arg.StartsWith("pin="))
            {
                pins.Add(arg.Substring(4));
            }
            else if (arg.StartsWith("root="))
            {
                roots.Add(new X509Certificate2(arg.Substring(5)));
            }
            else if (arg == "careless")
            {
                ServicePointManager.ServerCertificateValidationCallback = delegate { return true; };
            }
        }
        string before = Array.Find(args, arg => arg.StartsWith("after="));
        if (before != null)
        {
            Ask(args[0], new CertificateRule(new string[] { before.Substring(6) }, null), SslPolicyErrors.None);
        }
        SslPolicyErrors more = Array.IndexOf(args, "misnamed") < 0
            ? SslPolicyErrors.None
            : SslPolicyErrors.RemoteCertificateNameMismatch;
        CertificateRule rule = new CertificateRule(pins.ToArray(), roots.ToArray());
        Console.WriteLine("{0} refused={1}", Ask(args[0], rule, more), rule.Refused ?? "none");
        return 0;
    }

    private static string Ask(string url, CertificateRule rule, SslPolicyErrors more)
    {
        RemoteCertificateValidationCallback callback = rule.Callback;
        HttpWebRequest request = (HttpWebRequest)WebRequest.Create(url);
        request.ServerCertificateValidationCallback =
            (sender, certificate, chain, errors) => callback(sender, certificate, chain, errors | more);
        request.ConnectionGroupName = rule.Name;
        return Ask(request);
    }

    private static string Ask(HttpWebRequest request)
    {
        try
        {
            using (HttpWebResponse response = (HttpWebResponse)request.GetResponse())
            {
                return ((int)response.StatusCode).ToString();
            }
        }
        catch (WebException failure)
        {
            HttpWebResponse response = failure.Response as HttpWebResponse;
            return response == null ? failure.Status.ToString() : ((int)response.StatusCode).ToString();
        }
    }
}
