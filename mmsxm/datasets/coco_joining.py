"""COCO JSON files joined to one, with new ids."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

__all__ = ['joined']

Content = dict[str, Any]


def joined(files: Sequence[tuple[Content, str]]) -> Content:
    """Join the contents of COCO JSON files.

    Images of the same name are one image, and categories of the same name are one category.
    Everything else in an image or an annotation stays as it is. Annotations of images that their
    file does not list are left out, and so are images without a name or an id of their own; the
    reader of a file reports both. A single file without a folder keeps its ids.

    Args:
        files: Contents that :func:`mmsxm.datasets.coco_xray.read_coco_json` returned, each with the
            subfolder that its names are relative to.
    """
    if len(files) == 1 and not files[0][1]:
        return files[0][0]
    images: dict[str, Content] = {}
    categories: dict[str, Content] = {}
    annotations: list[Content] = []
    for content, folder in files:
        category_ids = {
            item['id']: categories.setdefault(
                item['name'].strip().lower(), {**item, 'id': len(categories) + 1}
            )['id']
            for item in content['categories']
        }
        names: dict[int | str, set[str]] = {}
        for item in filter(_is_image, content['images']):
            names.setdefault(item['id'], set()).add(_path(folder, item))
        image_ids: dict[Any, int] = {}
        for item in filter(_is_image, content['images']):
            if len(names[item['id']]) > 1:  # it is unknown which image the objects belong to
                continue
            name = _path(folder, item)
            entry = {**item, 'id': len(images) + 1, 'file_name': name}
            image_ids[item['id']] = images.setdefault(name, entry)['id']
        for item in content['annotations']:
            if isinstance(item, dict) and _key(item, 'image_id') in image_ids:
                annotations.append(
                    {
                        **item,
                        'id': len(annotations) + 1,
                        'image_id': image_ids[item['image_id']],
                        'category_id': category_ids.get(_key(item, 'category_id')),
                    }
                )
    return {
        **files[0][0],
        'images': list(images.values()),
        'annotations': annotations,
        'categories': list(categories.values()),
    }


def _path(folder: str, item: Content) -> str:
    return str(PurePosixPath(folder, item['file_name'].strip()))


def _is_image(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and _key(item, 'id') is not None
        and isinstance(item.get('file_name'), str)
    )


def _key(item: Content, name: str) -> int | str | None:
    value = item.get(name)
    return value if type(value) in (int, str) else None
