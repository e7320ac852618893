/**
 * Files written by PyTorch 2.13.0 and numpy 2.4.6, gzipped and in base64, by this program:
 *
 * ```py
 * base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
 * layer = torch.nn.Linear(2, 1)
 * torch.nn.init.constant_(layer.weight, 0.5); torch.nn.init.zeros_(layer.bias)
 * adam = torch.optim.Adam(layer.parameters())
 * layer(torch.ones(1, 2)).sum().backward(); adam.step()
 * everything = {
 *     'model': layer.state_dict(), 'optimizer': adam.state_dict(), 'epoch': 3, 'big': 2**70, 'low': -5,
 *     'lr': 0.1, 'name': 'é', 'none': None, 'flag': True, 'transposed': base.t(),
 *     'expanded': torch.ones(1).expand(3, 2), 'window': base[1:3, ::2], 'shared': base,
 *     'parameter': torch.nn.Parameter(torch.ones(2)), 'u16': torch.tensor([65535], dtype=torch.uint16),
 *     'bf16': torch.tensor([1.5], dtype=torch.bfloat16), 'f16': torch.tensor([1.5], dtype=torch.half),
 *     'bool': torch.tensor([True, False]), 'i64': torch.tensor(7), 'empty': torch.zeros(0, 3),
 *     'f64': torch.tensor([1.5], dtype=torch.float64), 'size': torch.Size([1, 2]),
 *     'device': torch.device('cuda', 1), 'dtype': torch.float32, 'set': {1, 2}, 'bytes': b'\x00\xff',
 *     'counter': collections.Counter([1, 1]), 'list': [1, (2, 3)],
 * }
 * weights = collections.OrderedDict(w=base.t()[:2, :2].clone(), b=base[::2, 1])
 * array = np.arange(6, dtype='f4').reshape(2, 3)
 * def torch_file(value, **options):
 *     file = io.BytesIO(); torch.save(value, file, **options); return file.getvalue()
 * def npy_file(value, version=None):
 *     file = io.BytesIO(); np.lib.format.write_array(file, value, version); return file.getvalue()
 * def npz_file(save, **arrays):
 *     file = io.BytesIO(); save(file, **arrays); return file.getvalue()
 * def script_file(module):
 *     file = io.BytesIO(); torch.jit.save(torch.jit.script(module), file); return file.getvalue()
 * files = {
 *     'everything': torch_file(everything),
 *     'everything5': torch_file(everything, pickle_protocol=5),
 *     'weights': torch_file(weights),
 *     'module': torch_file(layer),
 *     'complex': torch_file({'w': torch.ones(2, dtype=torch.complex64)}),
 *     'negated': torch_file({'w': torch.ones(2)._neg_view()}),
 *     'old': torch_file({'w': torch.ones(2)}, _use_new_zipfile_serialization=False),
 *     'script': script_file(layer),
 *     'npy1': npy_file(array, (1, 0)),
 *     'npy3': npy_file(array, (3, 0)),
 *     'fortran': npy_file(np.asfortranarray(np.arange(24, dtype='>f8').reshape(2, 3, 4))),
 *     'npz': npz_file(np.savez, x=array, y=np.arange(3)),
 *     'npzDeflated': npz_file(np.savez_compressed, x=np.zeros((100, 100)), y=np.arange(3)),
 * }
 * torch.serialization.set_crc32_options(False)
 * files['unchecked'] = torch_file({'w': torch.ones(2)})
 * ```
 */
import { gunzipSync } from 'node:zlib'

const packed = {
  everything:
    'H4sIAAAAAAACA61Ye5gTVxWfZHfD7pTuwoK8apFa1GDbJdlkk11eCylka9PSZQA7ouswm8wmA5OZnMzNwmKja3ED22' +
    'LF1gdUrbRWBVsrPgtVWyy+C630gVSx9qHSqp/9+pd+n37feh+zYWbSZWnS+fZMksn9nd/vnnvuuWfTm6ir57jGRq7i' +
    'msa1cnI+mVEHlcUpGcltua1aPNbMbXJcw94icH6xAQOyRkrRwJNMGpqmJJFq6CZ/Uz6l5JXUajWJePAuEqDOL/rw2G' +
    '2Kms4gqE8iA1O0SQWkaiYv5ZX+gqqlJKToppGXBtt5aPD7xSkYYeKRcloBH4Pwcc2Q0Xr2kIcpogePCUCjWIdfk7kC' +
    'NCW8CPh1CS7hSXhLcEnCm/CUYOpohqi4FEGzAC0injrXr8omTMtgnowvw/wEYXqmKeFB0ErxIzCD3GYy7DsQzBJgdq' +
    'EIc8QmPFjKKkgmAYK59Pt5IokeXFaEd1Lhg0rexLGAyxMe0zT7KcbIITWr7lDyML8I72LhM5GMFFhQhCv8Ca4I7/ZT' +
    'dSZScnClQ107LGTq3oPVLVrEVL0XwfsEYKFStuckeTANixywELw/Q4NyVTkoV7OgXMNctCFYLEBA5M+7kEyAoMNLGN' +
    'qZl1DZS5h56WBeIgiiAnQWEp4idPkzTukdsIRJX2qTvgzBcgFWZJxyI9DNhq601mAVucUY5FoEqwVYk3Fqi0KcQXos' +
    'yHXk9gEGuR5BQoAbCgVxKh6ak/NyVkrnjULOhBv7YG0RbvKLXvyNlofenu7e/huffuPQ/+jC9OP1NWFdT/c/T5DrZE' +
    '/36/9+8vlZu64qgUDTTcE+1vesWDN0x8uBPUuof5bfUkpJykOwIcHRdZGzZjovp2DjqEj2W1beTpMAPjhKvx4w8oqc' +
    'zMDNa+kSJOUcKuTlfk0BcVRsxk9S6sAA3k06UunTD41SeQMFU0nBprXiLDJESeIpaUpKcij48CjddXTWJnykD/r8JE' +
    'JKQS5QH0rOwMQfTdTR+fSraZBuaxovBCvpQ83YBpuv/+/Y2FgGx+fofnLdTVNUl7MKyDR4xw9BP3tm6Aok19L3A5qc' +
    'htRuOimUl3UzZxDFimPtOmEAr90cBGmydr5EfQkyOL18JVDZ+m1BsFUAjUYOZ6esp7CPrMNHF+hs/Q3io47kZg6/4U' +
    'oAzEcegSkAYhVI1VN4SoVxDxmLf3AdZvcm6kqwjbwpwXaGHUKwQ4CPUayZkXFRg1vc2CLhrSeiP46xeE98gmGHEXxS' +
    'gFvp1qdroCC89XdOUPzKI3j4VHl+JLrBAIywzVciRN4R2EUSfDcjGUVwmwC376Yf9uyCTwtwB125QjACn5mk0IZ42E' +
    'uYrGFWseU36mgop6TKZfazTEcQ7mQ67rI22ufI7fNMxxesAl1QdRSM8PBFBPsE2M9q7QDWcjeblDUsRgt5MFLm+BLj' +
    'aIcvs8X8isVxD7l9lXEcQHCvAPfR6RGXX3O4vE7WBsru7mfuQvB15u4blrtvkttB5u4Qgm8J8ACTaBgaPOiUiB+V/X' +
    '2b+QvDQywE37GW4jDx913m73sIvi/AD6g8NRKGHzrc3WDo6bK7HzF3HfAwk3fEVhiPInhEgB+zHZrNoSH4iTMfIvBT' +
    'jOIQPEpEcCRpH8N5jxPvGPPwMwSPC3CcxQkL+blDyGqjgOtIWcovmNMo/JJJ+ZUVqV+T22+Yw98ieEKAE+xoIrXrpO' +
    'VrPf7Aw5PsRHhqBH4nwCm6V1LKoJpU4GlrHPvIwzPURbKQkuFZIvg5AU7TiaZIxsHvreEDJDlCuA04Q+dgKgieT0oS' +
    'SV6k6pLE4yc8/KEP/ugn1MoInBXgT6xsDyHFhBeSUhL3JUmTV3Tyhoc/U0/c8cfgRSpQk7GnILxUgpcFeIVWYlxDdb' +
    'JD/+LoZa5lT3n4axH+RtjMETgnwKt0JppqInitD/5OdZCV+IdSaOtNTGm87wHtofl45xPrnbDbms1dXu622vBJkJWR' +
    'ZHUO8dhcV9Nlu4KE4uHXz+4kBZDYxBTzuOh5CmuHS7KmpvUsPlPisdDELBNfkTAR0L0NXiPJ472ggOlcd1kAWR2DNI' +
    'fx2NJqeMcvTUVIU4iGkeWvzCXr6bughmZuhaOrXRyIx5bUIOBft4ytIEYUHDyy9TJC2TiJgmVOBcF4rLNqBXrrzkcI' +
    't/9owwskD+sn4V7p5G6Px5bVEv5NHDfcTfi3bLn3wSr4Q7XynzxxYjkxomHhza13VRH/cC3xN1p3LiFG+I/eL66pgr' +
    '+jFv4a4x95O+JP+A8Lb3ir4I/Wyj8e+2yf5/Yq+Dtrz39yDXeTPhn/YRvGdgDbMWwvYuNW4f+lsS3AFsC2Elsvts3Y' +
    'ctiGse3GthfbPmwHsB3EdhjbkVVkbreuOqtvxo42TzK3hc65dcVjC7i3N39abBWc1a5AjfWbxY5p2LvO99zk+6eFW+' +
    'rSgAtotFoNY2OEmePGxiY/v1rwUjqZcflcXlP6bDpGZ77n1TXLquEP1czP0ZNrQ8uR4Wr4wzXzezjC/+iVj4vV8HfU' +
    'zD/F8k1U5E6fM5z5x11U/kVqyL8LzXaGiwcXyxbuTevPf2gWvbT/ipa3tn/KHWbV+kM8YT51T3rj5Os3n2s/34DSKZ' +
    'lKXsUd6A6ZdNiSmorH2t6ikEC4qysaCkTao8GOYFc4EOmMdgaj4XAkEApEo9GOrmBnOBgOdxKVT/m2nPNjHX6q0kPE' +
    'lnXau/RpFcrdv4O60fYGfLYDqTdxE/X1bif2Jnqew8kpu5OKzt3tx94IT3f4EXiusgF3w+1dbLMDfprnXL2zG2vvQp' +
    '1Y8RIXNujG2k8gJ/ZZN7bdjbV3fk7shqkubMiNtXdtTuwZNzZ88ZrFS13YDjfW3jG55uvGRtxYe7fjmm+zCxt1Y+3d' +
    'hIvXje28+PkebnFhu9xY++ne4sDOnObOjYrEsh/QTvC+CnBFZtlPVye4dbobXJFa9qPRCb6zAlyRW/ZzzcXc6gZXJJ' +
    'f9OHIxV4DL2fXmJ5b9mjPDDa5IL/tB4gQPV4Ar8st+FjjBZ2zgCWqgvUTPd9aumdwkh0dvwue7evyoqbvm/IRdr880' +
    'WIfmzPGj30e7gCesost+RWnwMcwcOp6N/T9m7hLoLRsAAA==',
  everything5:
    'H4sIAAAAAAACA61Ya4wTVRS+fe+7UBUQE4JKTDfq0ne3sLBQpKuOj2UB3ZCQMtuZbQemndKZ7rJEko2El06UuGMC/j' +
    'CQGAOJP/gnGEOI/mQxwQdiQoyPH2piJPzSRJN67rTd3nu7211abvZkp7P3u993zz33nLMd5mx2hNraUN1YhjyIL6Qy' +
    '0oS4XuA1vi9/QE7Ee9Aeakw73u9wlQFHDK/uyCqCKBt6Z0qRZTGlSUpOhU+vFgSxIArPSSnNmDF6R2Cmc1KU0hnN0L' +
    's0BVj6kkVNkmGuJ1kQx4qSLCQ1MacqheREACBer+5SYSKfFg3dYSIAmZAVXttZeT1j6BafodtS+aLBWTVjB4c4C2c9' +
    'Dh84y3HjVMYOvJoxYuj2MYlXjUy715vpyHTrFr+RcXOWCuKYga02u3jE0NuTWVHjsRMM872ODHjrmhALKmwQAKqqju' +
    'ntSl6TstJhsWCYrlA1XhPxI2e6xq5qYp5gDdRYe3sJdS7xUD7JT6SJqUE8teGWOiqgpHqQwIUWwxU5C0jL9NYg4flV' +
    'ZdbXpkQauSsTrU2MNvRrUe/K8wU+m0wXlGJeNfaaXrPKBWNocHjs5a/vXfxPd4yB31V48ecsHjeGBu/+/dUPK048fR' +
    'wOWgTQ0ObtU+/84tM36F3leEoKYoqfMjiku/ismi7wgnFKb8vyh8yTgWfXuFIQeQifV/SOFJ/XigV+TMZ/6BGk8XGI' +
    '0pwmVd44xouqKMDEFbAoaJRFIUmxnNKd5haweC/epFjki7pDzCuwPmfTbWNS2nirvXqjtug2WZk0Xvy3VCplXhsavH' +
    'IWjw90e47PQlhbv7wIsZlTciJQ2sdlPm2c1Du0Ap9T8woWUvNsP/bsqrJnnZwdDtbCOamAaIOA4HMChYoR52EzwwFx' +
    'iEI5J6WcABKrmIxc5XFC6NgA4cQ4EqFm+ALBUkMgzo41AYIO1XbTZaIG1yTjIq577fVMTbPV7yNi2MoG0Unz6QRe1l' +
    'b0R+gFq/kjaOaPTIfeXc40c3mkZ3dOm8qLApFBrH4/eWdIvrm04yxKOQ3IZqrZZBwzlxV36u64mZX8EWrVQKOroNuo' +
    'FTqf5+VxCh1siLaPKYpMwOPwkYKHGrlQt0mREIF+ScmlKfQCGQHCPJvXpsijMhMDKvMgM1pszNnbxkmu7ueUItw0ii' +
    '3aeKsqvsQAte/EDzNGOa0dMyNRECeklPnX6iOsaE8VBd7AMrBkAZ+3kTkPWQAfUhCXFt2miprxLlxgWOs0pJwpTVSN' +
    'bVZUglwM1z5nRqpVd22rPM9AosJzVZPWLkuqZt5/S/mKiMW+Yc7Vdn32he8fgcqIbXjBIrsSPTVXZPsgM2V5LVkpK4' +
    'n4E0ytnW/4Mdend+8ctcBq2BbmWo2iNa7KJUjyspTOZSHpJeLBJdDVjUgICxicPPiHFSisDQUsR4NzArCXFdwVJOIb' +
    'm+GtDlnSNFnEGo5t+vVRJ7A4G2roQZuprma9LxHf0IKAv94obcaGFVy4fOAxTNm2iIIBWoE/Ee9vWkHOc/QzzO294v' +
    'gRCJF9Ee4tNHcgER9oxf17EJoexPz795//pAn+YKv8N2ZnN2HDGta97plpwv+hVvyveI5uwIb5r3w0ur0J/nAr/C36' +
    'P/Ig/I/5L43cszbBH22Vv+r77F7L203w97ce/3hMD+L2Dn7ApsHOgV0D+wkMbYX/pcDWgvnAtoANg+0Dy4NNg50EOw' +
    '12Buwc2AWwS2CXt+K9vbn1Tm4fLLRvkb2to/cWS8TXogcbP24ig5dzl6/F/F32XVnD6R3O7xa/P260kdEACTTarIZS' +
    'CTMjVCotXr/ccJQ0M6TPTS2Fz55r5s7137cPNMMfbJkfmZVrl/vydDP8oZb5LQjzX33yi9Fm+MMt81e+uzBV5G/9pt' +
    'Dxh5YUf5EW4q/Rbh9ieCBZutG8+ecfM4p+Pvu4+/7uz1yr2bT+YAdmvvlhevfi57cGBWoNqLklVSxI0IEe5vEXRUlJ' +
    'SMT77lOILxSLRYO+SCDqD/tjIV+kP9rv8wcCkXDIF+6P+sLRSCwW7o9hlZ9f/XjACzq8pkoLFjunk2zXl9UpZ78HY9' +
    'FkA76SQooutFCDzy5CNtGrqUVukovUde7sOmQjvJxaZ6QN1TfgLJzsYnso+K02xPTOLJbsQmnsaDuD9bNYsgLR2G9Z' +
    'bIDFkp0fjd3VwWCDLJbs2mjsbRYbWrrm0U4GG2axZMfE7JfFRlgs2e0w++1isFEWS3YTDC+L7V/6fi91M9gYiyWru5' +
    'vCPtzDxkZdYJEFmgafqQPXRRZZXWmwx82C60KLLI00+L06cF1skXWNYV7GguuCiyxHDHMdeC665q9Y5Fi1nAXXhRdZ' +
    'SGjwdB24Lr7IWkCDbxPgBXIgmaLX0LnLgxYpHsOc0/lMtdTYnq1tmPn9jaNSND3V0u80u4DrlQnlb1EczjJmlTm/PP' +
    'd/V9W4Fy0ZAAA=',
  weights:
    'H4sIAAAAAAACA6VVv2/TQBR+cdIkuCVNS1FLh1KJJUiQ2vnVFgRNLeTFA2kQasXiuo5JLNy451xawRSBimAqLAgxoI' +
    '4sIDZggn+BhakDUicmGBET72Ka2g5NRHnSp1NO933vu+f3LiUlHAGIx6ErkjAKmqPXzE1jpqJRLb1xx5KlBNzyRYvT' +
    'dduyDJ2adr3BX3cqhmNUrpk65QmcL5NQaiWEYluE06mNamm1SU2rwauOsdY0rYpKjXrDdtTNDE/CqdRKDA838KRWNU' +
    'jEpfCyZWv0hrvJk4G2oECiK2Fc9Y0miSkRSuJLCiicwj0kJ5QQW/jHNWZgkJKhMjnZJq2RRA2T1CI1V0Qkw7WYMkFJ' +
    'colxtsmIMrRNRl3iKUrGyuR0M11SYvFfy2/S+8hgKB1ZsnGY6JQsfdt21jWqbhpOA0sjS2OByrkhMvV33/ceMD+hnu' +
    'qTMHuo/qdGqmaZ1fq6UaeylP1rgj5RyDEDC1vkG4cpuJ4GRmChY2DtLjVs9rFl6fJx8h6EZVJqGczD9pX9M1HMEu3p' +
    'IQFXfV05I8jSpf8w4Kq2FgA+FQG+FpmTLx92XiTbE9DbSc7vRJQlAY6fHzB/EdFC7BYP/OD+IjpBTCMERBFRQqwiNh' +
    'AtxCPEE8RzxC7iFeIt4v0iu8/9xb36Kgqt9rzPMJzr3KfTtGf7XSjLswyfX1Zv9u+fKcgcNnC7ZA3DMbGD72ns9VDN' +
    'iiyl/7GCQr4gisJcPpMtiPOFWSGfmc8J2Vxmdg73c9l8Jl9ACPPM5cfX1Z0U+ki1XYaY2Y5P74Anu5wH38Eg2zvA4z' +
    '5mNgRHPQlBEe8QTvpEnnpFuiY/qOMdpBGfzigH3QMcpHu7P+GjP+MgMHtBrrfT/NzpcIArBrneHhr2cX94uEfUzvtp' +
    'p3zkcgT6NF1JiUYvHLRo+GKHGQ+sg5y7/oy4K/LYvxWEY+5v9/UeiLqcePu8e/Y32jkk2GUHAAA=',
  module:
    'H4sIAAAAAAACA6VVW2/jRBR2kjZJ3ZJelt3Sdrcsyy2F3TTOre1eWggoL0bQDRdZSGg0cSaxVdfusccNi6gEqrqXZ9' +
    '73DcE/4PIDeOMBnnhA8MATL8tPgJlxm9hO0xW7IzkTz/m+c76Zc854W02NSVI2Kw2NGWlOwq5umPtktY0pLuztWI16' +
    'Tvo4Mr5I6tRhqIJtF3adtm8Rr2CZNsGu/E4wgbTyJSQOIJnXeBTqYtM27S6k7muT7B3tYRfvEkpcD8YOYDyvpdlqj5' +
    'hdg0L62DnyqWl5MnJJyzet9oAjQ2YEhBLbc1y0X5Ihm89rGebUY0jcJTARUOSG5WD6frAog6wlGKYIk1qKzfqeD1Nq' +
    'ksIzt1VJTajJu5BTk2riLkw/0HXHsohOTcf25PfcNnFJ+21TpzLMrDRhlsJcE87dN/jLs/fgfBMuaOyMpZaJPZg3Mg' +
    'bTY0wYQTwFnjOm1ASFBRHnCBb5z9IDwb5I4VITlgNXz9+Dy014wReniFp+p8OP7MoBvKgt8RXbsdEeWzI9tnV6AkAe' +
    'ofCSjhA/FWraCMlsRYaXP4FXjuDVJuS1c8If1nd62GVH6xJkOM6OBysi7GvadMQe2F4XtqvaBW4zPdTxLSuKgWvvaj' +
    'lu7ThuiFgQxFVtcciEeiY1EHfQ9aAoYIp2cRiGrR6+4yEdsxy0oSSAZW0uDBzsoSLMVW35VHMkZE1A17RZDvUopgS1' +
    'WVKPHa0L64Z2PmYdhLouEDeCnbHKap8Ouylgt4KcDcEc7yTgpsBtBdk+7ix44wDeFF3DEtkhmPouW6yrSW2KrTk+HS' +
    'y+pSb8VmFbzWSvfPPnVw9ZSfNne2S3z0uX+t1eYAe1iyna59Xk2I36QqzpQ0PhIb775/dDXsz8GR1iUVobhDjuRZZN' +
    's2vvsoJt1Mujo4wetQoXsNWDv5MsRPJMAbPSVl9A6w4lDm/dRv3Gk8Q9GZZJqUW4hqNbfy3wqyt9poactBm5VVeLjf' +
    'r1pxDw6PN/N/nDFXz7/c4SD5l9jIKbUQVKo77+xArsucMfeez8D+N/8Etu7MzY06EM9Kvrqc6/LPPovzzsfvj4/C9L' +
    'pUEBiq17xDVZBX6G+V2OzHajXvifYorVmqIU16ulck3ZqK0Vq6WNilIpK0pNKa2Vy7V1pVqslMqiTX66/PPXeaYjL1' +
    'QmuNi+znCXzgwpj3+H4+xwA85HmI9S0qi+jjsJN9FixMntMemMzo37CTfCbMTPryE//QaM08NVnIvQPxqXYr0T54ar' +
    'MMr9Lc5V4txwDU1HuB+kpXjVxsnh1C5H9xwin15022o6ffWkRFPX+sxsbJ5MBvOnmWBmPPHvcCJ4D27f8XTAyQp8gP' +
    '0P/L0YI+UJAAA=',
  complex:
    'H4sIAAAAAAACA6VUMW/TQBQ+240TTElSlooOHToFqSSxE9spCCIF5MVIpEGgiMVynWuwcOKcfUkBqVIllIE/wYr4BY' +
    'yMjAhmBqROTKywcWdT9+yoKYWTrCfr3ve9791977qmsAJAoQAWVhlcBXbgPHVnsDawsV2dPPOMThE8Sa0j/hCBPkfy' +
    'DxDnYJ8AqtYUu14oWQHcm7rewMJwHPqBNVMkxFcq/TxJDkmmPYRIiCHSXX808eBzw/Nt/DDek9BKxFtHub5AojOZIt' +
    'HkMcrvmsDk56hgcnN06bXj+J4HHez641B6EAxgAAf3XAdLSLreQ5cxWu2hK2G1a+YL9w8/2O8IFf26Zza+zjRe3feD' +
    'kY2tGQxCUmCxf5nyvv/x9RWVyi3l3QD6Ke+fA7Bszx2OR3CMjU4jQ/1XS2tSAe0D9J0nJfilAtZAOxGw9wJDnx6W0b' +
    'n1L3VPludi7EGqYX77+JpIqohLNRTBnZSranWjc/M/BABw1I6Z40iVbL0FQTly8DIlJdBIlCTXW7uolIZEK35+M3x0' +
    '/vlvAuXUAFHzIQxc4oCXNnWv5Q6MTvWCAmRVV1ryzo4qyy21qTUbdUWrNzW1pTbqmiI3FV3R1ZauUpXHpa1iheioRC' +
    'o5KjbRyY5GeUF59h3IotkBWE8hfzHozDBlSVgTb6RIdjmwZHKyPKwR11I8XxieZACycNY9xRT8MQ8y3s1iWR+UUthv' +
    'DPaM/tnr2UyBewI4xzhdUxS3T2wm3EiQ+Uz8xMXxpxBHgou2Pubi//gFy4kxJh/lx7m/AUP7TsMpBgAA',
  negated:
    'H4sIAAAAAAACA6VUz4vTQBidJNs0Rm13vSzuYc8VNNuk6a9dtBAkIAFtK0rxErLpbA1mm51k2mWFhQUp6M2DZ8E/wZ' +
    'N/gkdREDx4UwRPgiePziTdbJLSrrsODBNmvve+N9+8L22DWwJAEMDMWAZXgOXbj50x3Ohb2JL2nri6VgCPUuOIPUSg' +
    'x5D4fcTY2CMAyRxhxw1E04fbI8ftmxgOA883x4qI2FKplyfBAYm0BhBxEUTUXc/C96NNES2FhGWU63FktfdGiDdYjP' +
    'IdAxjsBAkGM0EXXti257rQxo43DMR7fh/6sH/bsbGIxGtddPEQXQrhQzhAl58HGBW6qBhIbSMvvNm5c/ctOaKzPbcA' +
    'q0CMCyDteP6uhc0x9AOST9f4aR1kyvfu19dnVDGzkG8N1E/4pgUwLdcZDHfhEOtaJVPafxo1lQpo7aOfLEnBLhSwAl' +
    'qxgO0DDD1aM13bOk/e4+E6GLuQapjc/HaVJ1n4hRoK4FbKVRtlXdv8DwEAHLXopApedvjPNKWwUEERbMUK4uesn1dC' +
    'RaSZP74ePDi9/utAOTFAePkA+g5xwFOLmth0+romnVGIXK0rDbnZrMpyo6rW1EpZqZXVSl1R1aaiku9GuVKXG6FLXv' +
    '3+/qNEdJRClQwVG+tMtsTyjPLsfyCLTjbAagrJMGBeE2VJkiZeS5F0kiQznZPlSRpxJcXzKcETN0AWnnRRIQV/yIKM' +
    'd7PYpA+KKeyXBHbO/ZPPs54CdzlwinHaBs9fP7YZdyNG5jPrByZa/3DRSnDh0fvc9LnCvRwfYfJhfBT7F2W6VwwpBg' +
    'AA',
  old:
    'H4sIAAAAAAACA21PPUsDQRC927sYXY3Y2lmeTYgxKKlsJM3hV2y2keXcW5KV5TazOxdRCFwTUH+DP8C/5k8QLJwY7B' +
    'yYgXnz5s2bhr1x+/0++jp4+Lje7zbs4jOhuoAoE3tRFM28Q6eclXPtg3EVxEQQHZpYg2i11FVpigrYi+AE4tNMy2Ce' +
    'dYBkAWkmWgSGqfMIrZyJhDpTIWzkqUhXGq6aQDtP63p9U8QEPkKs0Hk17coajQ1cen1fG1tK1FVwXs77HFiWifZKm5' +
    'jFREOyXuEj6wq8XYMcUrFLnOGg3z896g2Pe4PB8ARavzbUrCYb7BKhfZNHOVvCZh4vYetV0bdWK6RnA7/ypfa6PDcK' +
    'OfDDMWwj7IyhE8jvHfn9Rz4uuiz6i+ZslT9VwQiBZQEAAA==',
  script:
    'H4sIAAAAAAACAwvwZmZhYODgYMAAfAwiDIlFyRmZZan6KYklifoGbk4CDFFo4F3NfzsQDvBm51ixI1saZBAIB+Ax1w' +
    'bVXEM3JwsMc4kFeULNu0B2a+xkvQe0kIEFr90CDHYodusVZOe4OVmRbXtUVANTcnx8ST7QzPh4PTCtl5enl5ufUpqT' +
    'WqyXk5mXmljE5QOhChk0G2s1ItiADilPzUzPKClkTIZoiS8tycwp5oovSk0qzcxJiS9JzSvOL4ovM+IqZNLQiGAH6i' +
    'gGqkxMTy1khmjhcsvJTywJhghyFbJEMALVGBSyRjAD6eSC0kI2b6aSwEJ2bwYNb0YgU8ObyZuxpCM5OT8nJzW5JDM/' +
    'r5jLvygltSg1xSUzuYSrkEMzqCSokDMCFIBJmYnFhVwZQKszmDMgRhsWcmewAU0ILOQBG1kCwh0ZEF28EaCwLilKzM' +
    'zLzEsv5OuIEAPy4zOL49NKc3LikxKTs8sTi1LiM/Lzswv5/UqTCgX0QJEmsPK5hCXQdBAGRZoIMNIwY82QQQMeacn5' +
    'Kan68ADXB9P6eXn60ADXhwS4XkGlm5MKUbFaGrA777ABz53Poi3q0gWsWxY3lry5UnZKjKUpJ3ijQKvRF4cL+/Vdd7' +
    'tO91N533f8+BNfrw/vOHxz7A/F2JQdZnR4fdWl+HiPYSavu4U5f8l1VXNbk8XGnY9dS5I3fgsPWejLzjxnQlBHT8jf' +
    '+1buj09cnLrRkCU+N+bStor17sZ35dTOVXE+PPYnXcGmdu2JWQGbtmUUdUbcvScjWV82Rd/mx8xK9/+X9H3OZxxsiz' +
    'h7u+Ue355qvsKoLWFCohN3nWaf9OmTwNa/S5+/y9o/7U+xC7v/+morjt3ytS1Za7d5ceysbc/WS3CJm5wgvfts1tH9' +
    '93urXr7muw8K9acH3xq8B4brfLyhbk1OqOulABNwejw4VxEX/r6+p/0OOYjM/fQh8C9DuV/EVJY0FT2fiBkJSl5uJi' +
    't93xwzWSr7wmNmmVzrhgsS5n+591/VZHr47N6d45bP572fVc/IILFvx+NG8T29e44/uFrsfp6/0XxH9S7xAx95eVqe' +
    'xs9k8z1SwrV8ZkyrUZmI73LZExVxL+y+aITPzDn87m3Zm9uLns3PTw3dEqUbfeXv6ebJ0QWspU7l+olyWq05Fz/k80' +
    'VMeuVUZOGi+dhkyrljG5m1q7csypn2Zhond+htMd/6hCsR+kVrpld0Bpsd/BmlLrnfba9cmM/lPDm3zwVuotdm9gid' +
    'sYxLKZw46/B+zlPXH3l0JzMt4mWuNehtmuP6ecqtyU1LCw/s8Jt5aZtF4T3ZVbFMHBpHXy6bKVMf5dkq0H3F425Ic0' +
    'PXVRX7pRtOTqqZekTr+P6wTdOnPFrjUg+KRBGX95NMgBE4hRFfeSfKwIkUiXnFJYl5JcWQQo+VAVp+aYKzYq4+Zzjh' +
    '8pOfwR5uXllqUTGwGHFzsqag+Iwy5gLZfnFeeigT0HwmvLYLItmeVFmSmg8qvyi0PyezpCQnFeSGVtvHkqCimQ2vG+' +
    'QY9OBu0ANXX8WpRZmJOZlViaBCNT4zxc1JiwQHGRoZmxsYmJkYWxqaGxsam1uYGZgamJmbGRmYGJgZmJsaWBoZm1mY' +
    'GoFcyD3DM0UD6AYNsAsZQYEFdyNy3cuH4WrUehxdL3Ldiao3Al2vIbpe5CJcAEXvFTS9oGQH0Y0ocJCLIkMU3Z1MDK' +
    'QXP+jGI2cSaxTj/zMzUFK6oYcCcu4RRbHoCCsD9hyIbgRyFuBHMUKEjQE906FrRk67giiaJyFphucZdO3ICUsORbsY' +
    'OwOB5B7gzcamA8sczLpwnZxodCcThN7BDqGB+sAsRy4InxEsxsoG0cMJVg9RCwDV0Eh9owoAAA==',
  npy1:
    'H4sIAAAAAAACA5vsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5Gk' +
    'Y6CsaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBP6QAqmAAAAA==',
  npy3:
    'H4sIAAAAAAACA5vsF+obEMnMUMLAwFCtnpJanFykbqWgbpNmoq6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAv' +
    'kaRjoKxpo6CrUKZAIuBjBosAcSDkAExA1AvMABAMEYaDqYAAAA',
  fortran:
    'H4sIAAAAAAACA5vsF+obEMnIUMZQrZ6SWpxcpG6loG6XZqGuo6Cell9UUpSYF59flJIKEg8pKk0FChdnJBakArkaRj' +
    'oKxjoKJpo6CrUKZAIuBihw0IDSAlDaAEorQGkTCG3/AcrXgtIiUNoQSitBaVMoDTNfB0pLQGkjKK0Cpc2gNAeU1oPS' +
    'MlDaGEqrQWlzCA0AwZk1y0ABAAA=',
  npz:
    'H4sIAAAAAAACAwvwZmbRZYAARQb/lwxa/6GAlUGEoUIvr6CSkUGAYQZUCYye7BfqGxDJyFDGUK2eklqcXKRupaBuk2' +
    'airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOgrGmjoKtQpkAy6IKxrsgYQDEAFxAxAvcAhA8c53B6FX' +
    'yN6pJM07mRZEecdYhzLPwL3DwMAIpZmgdIA3I5MuM2r8zIC6m5UBARrAGsGxha4FFAbYtZwHkpUQLaxsEFuZGNKA9D' +
    'ywaQDvB6hiGgIAAA==',
  npzDeflated:
    'H4sIAAAAAAACAwvwZmbRZWBg4ABiRYbL+hrV/6GAlUGEoUIvr6CSkUGAgcGSkQEENjFAwNsTC7kOBTC0Poys7bq97t' +
    'ChHKW02YeTDE4WlEscOTk34sjyD61z76b821fw4M/7qv13ZdWOLq44Zsa7XCZccd3uVB3nN79qzp/9euO5We3vZTt5' +
    'Mt8c3rlz6cfzYqGhbYXPUita9/twM1AT/HjIHIDi0e8OQq+QPVoJ8+gMqA4fKD37jfgraYGTJwKOBaydNylqTsySvK' +
    'UL8iZnLly3eMG8afEhQVNmiM+PnzKJS6jc+4ymH2uXeLqK2BKmn1LHrGZZcW3lEmHQY9NIaLnkEyDFEODNyKTLjBra' +
    '4AAFBi4rkmsbwGENDnt0LSB3g5wGciaqlpdAshKihZUNJMQEhGlAOgdsGgDbsc7Z6AEAAA==',
  unchecked:
    'H4sIAAAAAAACA6VUUW+TUBQ+wFoqareZmMU97LkmyqCUtrjEJcTwwoOsJqbxhTC4bkRWduG2RhOTvezBv+Gf8dHEJ3' +
    '+HTz5KgUsLg6rzJCc3ac/33e+c+x0sk9sC6HTgRuzAA3Ai99xfoEPPIY54+S4w9C68KcUV+wnDlEnq32PGJWECEO05' +
    '8YNYsCN0OvcDzyZoFoeRvegLmO31pnxSHCeVzhnCXAYRjCB0yKvsRwFvpYQSbk255HQv57htsgTzJyaY7DXumMw1vv' +
    'PZdcMgQC7xw1ksvIw8FCHvhe8SAQuPJ/guwfcm+H4sWiafdvclT6ux4z14VHQsvg2jC4fYCxTFyQWG/rDSeB4ypWfy' +
    'bKbfh9GKPh+A7QT+2ewCzYihK/U3bI7hgApg82wWsAvHhYDTDwSFy5kZ+tFt7qUR+IQEiGpo59msoQvPS646lAz92X' +
    '8IALg6XiZV0MmzWcE2HBUKitcd3VaCIvz9/A+gvzJA2nyMIj9xwEdnaWLb9wxd/Echsjrqj2VNU2V5rA6GA0XqDyVF' +
    'ktSBJKuKNJbU0VDTtMKmvTwtk2HTea3ppBuyc0N59TtQh6YLsFdC/lxDV3aqjoQOcb9EcsLAhs2p46FG3C3xfF/jKR' +
    'agDk5d1C3BX7NQ8e6mFrZL2B9r2A390+c5KIEnHPzBOJbZbj+hNuOeFki+cn5jsvMXl50JLv3ra2v1iJbZamcYPq3P' +
    'an8DmJpYRSkGAAA=',
}

/** A file as its program wrote it. */
export function fixture(name: keyof typeof packed): Uint8Array {
  return new Uint8Array(gunzipSync(Buffer.from(packed[name], 'base64')))
}
