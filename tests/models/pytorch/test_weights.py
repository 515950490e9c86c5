"""Networks against torchvision's with the same weights, and files that no network should be."""

import argparse
import collections
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from selectax import models
from selectax.models.pytorch.files import WeightsError, open_torch_file

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peer

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Reference(torch.nn.Module):
    """akamaster/pytorch_resnet_cifar10's network in its names and order of operations."""

    class Block(torch.nn.Module):
        def __init__(self, channels, features, stride, projection):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(channels, features, 3, stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(features)
            self.conv2 = torch.nn.Conv2d(features, features, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(features)
            self.stride, self.new = stride, features - channels
            if projection and self.new:
                convolution = torch.nn.Conv2d(channels, features, 1, stride, bias=False)
                self.shortcut = torch.nn.Sequential(convolution, torch.nn.BatchNorm2d(features))

        def forward(self, x):
            inner = torch.relu(self.bn1(self.conv1(x)))
            if hasattr(self, "shortcut"):
                return torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))
            shortcut = x[:, :, :: self.stride, :: self.stride]
            around = (0, 0, 0, 0, self.new // 2, self.new // 2)
            shortcut = torch.nn.functional.pad(shortcut, around)
            return torch.relu(self.bn2(self.conv2(inner)) + shortcut)

    def __init__(self, depth, num_classes=10, projection=False):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(16)
        for stage, (channels, features) in enumerate(((16, 16), (16, 32), (32, 64)), start=1):
            blocks = [self.Block(channels, features, 1 if stage == 1 else 2, projection)]
            blocks += [
                self.Block(features, features, 1, False) for _ in range((depth - 2) // 6 - 1)
            ]
            setattr(self, f"layer{stage}", torch.nn.Sequential(*blocks))
        self.linear = torch.nn.Linear(64, num_classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def resnet10_quarter(num_classes):
    """torchvision's ResNet-18, its layers made anew with one block and 16 to 128 feature maps."""
    network = torchvision.models.resnet18()
    network.conv1 = torch.nn.Conv2d(3, 16, 7, 2, 3, bias=False)
    network.bn1 = torch.nn.BatchNorm2d(16)
    network.maxpool = torch.nn.Identity()
    network.inplanes = 16
    for stage in range(4):
        layer = network._make_layer(
            torchvision.models.resnet.BasicBlock, 16 * 2**stage, 1, stride=1 if stage == 0 else 2
        )
        setattr(network, f"layer{stage + 1}", layer)
    network.fc = torch.nn.Linear(128, num_classes)
    return network


def torch_network(name, num_classes):
    """torchvision's network as the papers change it, its batch norms' state made up."""
    torch.manual_seed(0)
    form, _, variant = name.partition("_")
    if form in ("resnet18", "resnet34", "resnet50"):
        network = getattr(torchvision.models, form)(num_classes=num_classes)
        if variant != "max_pool":
            network.maxpool = torch.nn.Identity()
        if variant == "cifar":
            network.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    elif name == "resnet10_quarter":
        network = resnet10_quarter(num_classes)
    elif name == "vgg16":
        network = torchvision.models.vgg16_bn(num_classes=num_classes)
        network.avgpool = torch.nn.AdaptiveAvgPool2d(1)
        network.classifier = torch.nn.Linear(512, num_classes)
    else:
        network = Reference(int(form.removeprefix("resnet")), num_classes, variant == "b")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return network.eval()


def torch_activations(network, images):
    """Logits, and the shape of the output of each ReLU, in order."""
    shapes, hooks = [], []
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
            hooks.append(
                module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape)))
            )
    with torch.no_grad():
        normalised = (images - np.array(MEAN)) / np.array(DEVIATION)
        logits = network(torch.tensor(normalised.transpose(0, 3, 1, 2), dtype=torch.float32))
    for hook in hooks:
        hook.remove()
    return logits.numpy(), shapes


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet20", 32),
        ("resnet18", 64),
        ("resnet18", 32),
        ("resnet10_quarter", 64),
        ("resnet50", 64),
        ("resnet56", 32),
        ("vgg16", 64),
        ("vgg16", 32),
        ("resnet8_b", 32),
        ("resnet18_cifar", 32),
        ("resnet18_max_pool", 64),
        pytest.param("resnet34", 64, marks=pytest.mark.slow),
        pytest.param("resnet34_cifar", 32, marks=pytest.mark.slow),
        pytest.param("resnet50_cifar", 32, marks=pytest.mark.slow),
        pytest.param("resnet50_max_pool", 64, marks=pytest.mark.slow),
    ],
)
def test_logits_activations_and_parameters_are_those_of_torch(tmp_path, name, size):
    network = torch_network(name, 20)
    state_dict = network.state_dict()
    if name.endswith("_cifar"):  # in the names of kuangliu/pytorch-cifar
        state_dict = {
            key.replace("downsample", "shortcut").replace("fc.", "linear."): value
            for key, value in state_dict.items()
        }
    torch.save(state_dict, tmp_path / "weights.pt")
    max_pool = name.endswith("_max_pool")
    name = name.removesuffix("_max_pool")
    variables = models.from_torch(tmp_path / "weights.pt", name, 20)
    images = np.random.default_rng(0).random((2, size, size, 3), np.float32)
    module = models.create(name, 20, max_pool=max_pool)
    logits, activations = jax.jit(module.apply)(variables, images)
    expected, shapes = torch_activations(network, images)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert sum(leaf.size for leaf in jax.tree.leaves(variables["params"])) == count
    assert list(activations) == sorted(activations)
    if shapes:  # the reference of CIFAR's form has no modules for its ReLUs
        ours = [(a.shape[0], a.shape[3], *a.shape[1:3]) for a in activations.values()]
        assert ours == shapes


def test_trained_network(real_data):
    """93.2 % on the true test images, as PyTorch has it, and the same logits."""
    path = real_data / "resnet32-cifar10.th"
    with tarfile.open(real_data / "cifar-10-binary.tar.gz") as tar:
        records = tar.extractfile("cifar-10-batches-bin/test_batch.bin").read(500 * 3073)
    records = np.frombuffer(records, np.uint8).reshape(500, 3073)
    images = records[:, 1:].reshape(500, 3, 32, 32).transpose(0, 2, 3, 1) / np.float32(255)
    variables = models.from_torch(path, "resnet32", 10)
    logits, _ = jax.jit(models.create("resnet32", 10).apply)(variables, images)
    assert np.sum(np.argmax(logits, -1) == records[:, 0]) == 466
    network = Reference(32)
    state_dict = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    network.load_state_dict({name.removeprefix("module."): w for name, w in state_dict.items()})
    expected, _ = torch_activations(network.eval(), images)
    np.testing.assert_allclose(logits, expected, atol=1e-3)


@pytest.fixture(scope="module")
def state_dict():
    return torch_network("resnet8", 10).state_dict()


@pytest.mark.parametrize("form", ["plain", "wrapped", "legacy", "half", "safetensors", "parameter"])
def test_forms_of_files(tmp_path, state_dict, form):
    path = tmp_path / ("weights.safetensors" if form == "safetensors" else "weights.pt")
    if form == "plain":
        torch.save(state_dict, path)
    elif form == "wrapped":
        parallel = {f"module.{name}": weight for name, weight in state_dict.items()}
        torch.save({"epoch": 3, "best_prec1": 92.5, "state_dict": parallel}, path)
    elif form == "legacy":
        # A momentum's storage comes among the weights'.
        content = {"momentum": torch.zeros(7), "state_dict": state_dict}
        torch.save(content, path, _use_new_zipfile_serialization=False)
    elif form == "half":
        torch.save({name: weight.bfloat16() for name, weight in state_dict.items()}, path)
    elif form == "parameter":
        torch.save({name: torch.nn.Parameter(w, False) for name, w in state_dict.items()}, path)
    else:
        save_file({name: weight.numpy() for name, weight in state_dict.items()}, path)
    variables = models.from_torch(path, "resnet8", 10)
    kernel = variables["params"]["stage2_block1_sum_convolution"]["kernel"]
    expected = state_dict["layer2.0.conv2.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_allclose(kernel, expected, rtol=1e-2 if form == "half" else 0)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))


def test_views_of_one_storage(tmp_path):
    base = torch.arange(24.0)
    views = {"a": base[5:], "b": base.view(4, 6).T, "c": base[::3], "d": base[7], "e": base[:0]}
    torch.save(views, tmp_path / "weights.pt")
    file = open_torch_file(tmp_path / "weights.pt")
    for name, array in file.read(file.content).items():
        np.testing.assert_array_equal(array, views[name].numpy())


def assert_refused(path, *words, name="resnet8"):
    with pytest.raises(WeightsError) as raised:
        models.from_torch(path, name, 10)
    text = str(raised.value)
    assert "\n" not in text
    assert text.endswith(".")
    for word in (path.name, *words):
        assert word in text


class Malicious:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("form", ["pickle", "legacy", "zip", "protocol 4"])
def test_malicious_pickle_is_not_run(tmp_path, state_dict, form):
    path, trace = tmp_path / "weights.pt", tmp_path / "trace"
    content = {"extra": Malicious(trace), "state_dict": dict(state_dict)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(Malicious(trace)))
        assert_refused(path, "is a pickle, but not of torch.save")
    else:
        options = {"pickle_protocol": 4} if form == "protocol 4" else {}
        torch.save(content, path, _use_new_zipfile_serialization=form != "legacy", **options)
        variables = models.from_torch(path, "resnet8", 10)
        bias = state_dict["linear.bias"].numpy()
        np.testing.assert_array_equal(variables["params"]["logits"]["bias"], bias)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Malicious(trace)))
    assert trace.exists(), "the pickle would do nothing anywhere"


def rewritten(path, change):
    """The zip archive of torch.save with its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    compression = change(members) or zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def shorten_a_storage(members):
    name = next(name for name in members if name.endswith("data/0"))
    members[name] = members[name][:-4]


def drop_a_storage(members):
    del members[next(name for name in members if name.endswith("data/3"))]


def compress(members):
    return zipfile.ZIP_DEFLATED


def big_endian(members):
    members[next(name for name in members if name.endswith("byteorder"))] = b"big"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (shorten_a_storage, "buffer"),
        (drop_a_storage, "data/3"),
        (compress, "compressed or too large"),
        (big_endian, "not little-endian"),
    ],
)
def test_damaged_zip(tmp_path, state_dict, change, says):
    path = tmp_path / "weights.pt"
    torch.save(state_dict, path)
    rewritten(path, change)
    assert_refused(path, says)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated(tmp_path, state_dict, legacy, share):
    path = tmp_path / "weights.pt"
    torch.save(state_dict, path, _use_new_zipfile_serialization=not legacy)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert_refused(path, "torch.save or safetensors")


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (3, 3), (3, 1)),
        (8, (1,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (99, 99), (0, 0)),
    ],
)
def test_tensor_outside_its_storage(tmp_path, offset, shape, strides):
    """Of a storage of eight numbers, made as torch.save would, foreign memory must not be read."""

    class Storage:
        pass

    class Tensor:
        def __reduce__(self):
            return rebuild, (Storage(), offset, shape, strides, False, ())

    def rebuild():
        pass

    class Pickler(pickle._Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return "storage", torch.FloatStorage, "0", "cpu", 8
            return None

        def save_global(self, value, name=None):
            named = {rebuild: "torch._utils\n_rebuild_tensor_v2"}.get(value, "torch\nFloatStorage")
            self.write(b"c" + named.encode() + b"\n")

    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w") as file:
            pickler = Pickler(file, 2)
            pickler.dispatch = {**pickler.dispatch, type(rebuild): Pickler.save_global}
            pickler.dump({"conv1.weight": Tensor()})
        archive.writestr("archive/data/0", struct.pack("<8f", *range(8)))
    assert_refused(path, "leaves its storage")


def test_other_networks_and_files(tmp_path, state_dict):
    assert_refused(tmp_path / "none.pt", "No such file")
    torch.save(state_dict, tmp_path / "weights.pt")
    assert_refused(
        *(tmp_path / "weights.pt", "it lacks layer1.1.conv1.weight"),
        "these are weights of resnet8 with 10 classes, so name that network",
        name="resnet20",
    )
    with pytest.raises(WeightsError, match=r"linear\.weight has shape \(10, 64\), not \(7, 64\)"):
        models.from_torch(tmp_path / "weights.pt", "resnet8", 7)
    torch.save({**state_dict, "layer4.weight": torch.zeros(2)}, tmp_path / "weights.pt")
    assert_refused(tmp_path / "weights.pt", "nothing here is its layer4.weight")
    torch.save([torch.zeros(2)], tmp_path / "weights.pt")
    assert_refused(tmp_path / "weights.pt", "no dict of weights")
    torch.save({"epoch": 3}, tmp_path / "weights.pt")
    assert_refused(tmp_path / "weights.pt", "holds no dict of weights")
    (tmp_path / "weights.safetensors").write_bytes(b"\xff" * 100)
    assert_refused(tmp_path / "weights.safetensors", "is not a torch.save or safetensors file")
    (tmp_path / "weights.pt").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert_refused(tmp_path / "weights.pt", "git lfs pull")
    with zipfile.ZipFile(tmp_path / "weights.pt", "w") as archive:
        archive.writestr("readme.txt", "no weights")
    assert_refused(tmp_path / "weights.pt", "is a zip archive, but not of torch.save")
    torch.save({**state_dict, "fc.weight": state_dict["linear.weight"]}, tmp_path / "weights.pt")
    assert_refused(tmp_path / "weights.pt", "holds both linear.weight and fc.weight")
    torch.save({**state_dict, "bn1.bias": torch.zeros(16, dtype=int)}, tmp_path / "weights.pt")
    assert_refused(tmp_path / "weights.pt", "its bn1.bias holds int64, not floats")


@pytest.mark.parametrize(
    ("name", "other", "says"),
    [
        ("resnet20_b", "resnet20", "nothing here is its layer2.0.shortcut.0.weight"),
        ("resnet18", "resnet18_cifar", "conv1.weight has shape (64, 3, 7, 7), not (64, 3, 3, 3)"),
    ],
)
def test_the_network_of_the_file_is_named(tmp_path, name, other, says):
    path = tmp_path / "weights.pt"
    torch.save(torch_network(name, 10).state_dict(), path)
    assert_refused(path, says, f"these are weights of {name} with 10 classes", name=other)


class Settings(dict):
    """Of a class that only the author's code knows."""


def nested(state_dict, where):
    """The weights as training code and libraries save them."""
    prefix, _, key = where.partition("|")
    content = {f"{prefix}{name}": weight for name, weight in state_dict.items()}
    beside = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(beside.parameters(), lr=0.1, momentum=0.9)
    for name in reversed(key.split(".") if key else []):
        content = {
            "epoch": np.int64(3),
            "args": argparse.Namespace(lr=0.1, folder=pathlib.Path("a") / "b"),
            "scores": [np.float64(0.3), collections.Counter(a=2), collections.defaultdict(list)],
            "settings": Settings(nested={"seed": 1}),
            "optimizer": optimizer.state_dict(),
            "scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3),
            "device": torch.device("cpu"),
            "dtype": torch.float16,
            name: content,
        }
    return content


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    "where",
    [
        *("model.|state_dict", "net.|", "backbone.|hyper.best", "_orig_mod.|model"),
        *("module._orig_mod.|model_state_dict", "|net", "|ema.state_dict", "module.|"),
    ],
)
def test_weights_are_found_wherever_they_are(tmp_path, state_dict, where, legacy):
    path = tmp_path / "checkpoint.ckpt"
    torch.save(nested(state_dict, where), path, _use_new_zipfile_serialization=not legacy)
    variables = models.from_torch(path, "resnet8", 10)
    kernel = variables["params"]["stage3_block1_sum_convolution"]["kernel"]
    expected = state_dict["layer3.0.conv2.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(kernel, expected)


def test_of_several_weights_that_fit_one_is_named_by_key(tmp_path, state_dict):
    path = tmp_path / "weights.pt"
    averaged = {name: weight * 2 for name, weight in state_dict.items()}
    torch.save({"state_dict": state_dict, "ema": {"module": averaged}, "again": state_dict}, path)
    assert_refused(path, "several weights that fit resnet8, at state_dict, ema.module; name one")
    for key, factor in (("state_dict", 1), ("ema", 2), ("ema.module", 2)):
        bias = models.from_torch(path, "resnet8", 10, key=key)["params"]["logits"]["bias"]
        np.testing.assert_array_equal(bias, factor * state_dict["linear.bias"].numpy())
    with pytest.raises(WeightsError, match=r"at key em \(--key\); there are some at state_dict, "):
        models.from_torch(path, "resnet8", 10, key="em")
    both = {f"{part}.{name}": weight for name, weight in state_dict.items() for part in ("a", "b")}
    both |= {name: weight + 1 for name, weight in both.items() if name.startswith("b")}
    torch.save(both, path)
    bias = models.from_torch(path, "resnet8", 10, key="b")["params"]["logits"]["bias"]
    np.testing.assert_array_equal(bias, 1 + state_dict["linear.bias"].numpy())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
@pytest.mark.parametrize("form", ["module", "within a dict", "script"])
def test_of_a_whole_module_the_state_dict_is_asked_for(tmp_path, form):
    path, module = tmp_path / "weights.pt", torch.nn.Sequential(torch.nn.Linear(2, 3))
    if form == "script":
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 2)), path)
    else:
        torch.save(module if form == "module" else {"model": module, "epoch": 2}, path)
    assert_refused(path, "a whole pickled module", "save its state_dict() instead")


def test_safetensors_are_known_by_their_content(tmp_path, state_dict):
    path = tmp_path / "pytorch_model.bin"
    save_file({f"model.{name}": weight.numpy() for name, weight in state_dict.items()}, path)
    variables = models.from_torch(path, "resnet8", 10)
    bias = variables["params"]["logits"]["bias"]
    np.testing.assert_array_equal(bias, state_dict["linear.bias"].numpy())
    path = tmp_path / "weights.safetensors"
    torch.save(state_dict, path)
    again = models.from_torch(path, "resnet8", 10)["params"]["logits"]["bias"]
    np.testing.assert_array_equal(bias, again)


def test_logits_follow_the_labels(tmp_path, state_dict):
    path, labels = tmp_path / "weights.pt", [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    torch.save(state_dict, path)
    theirs = models.from_torch(path, "resnet8", 10)["params"]["logits"]
    ours = models.from_torch(path, "resnet8", 10, labels=labels)["params"]["logits"]
    for at, label in enumerate(labels):
        np.testing.assert_array_equal(ours["kernel"][:, label], theirs["kernel"][:, at])
        np.testing.assert_array_equal(ours["bias"][label], theirs["bias"][at])
    with pytest.raises(ValueError, match="labels must name each of the 10 classes once"):
        models.from_torch(path, "resnet8", 10, labels=[0] * 10)


def test_torch_is_never_imported(tmp_path, state_dict):
    torch.save(state_dict, tmp_path / "weights.pt")
    program = f"""
import sys
from selectax import models
models.from_torch({str(tmp_path / "weights.pt")!r}, "resnet8", 10)
assert not {{"torch", "tensorflow"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
