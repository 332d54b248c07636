"""Joining of COCO JSON files into one, with new ids."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from mmsxm.datasets.coco_xray import entry_id, entry_text

__all__ = ['join_files']

Content = dict[str, Any]


def join_files(files: Sequence[tuple[Content, str]]) -> Content:
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
        listed = [
            (item, key, str(PurePosixPath(folder, name)))
            for item in content['images']
            if (key := entry_id(item, 'id')) is not None and (name := entry_text(item, 'file_name'))
        ]
        names: dict[int | str, set[str]] = {}
        for _, key, name in listed:
            names.setdefault(key, set()).add(name)
        image_ids: dict[Any, int] = {}
        for item, key, name in listed:
            if len(names[key]) > 1:  # it is unknown which image the objects belong to
                continue
            entry = {**item, 'id': len(images) + 1, 'file_name': name}
            image_ids[key] = images.setdefault(name, entry)['id']
        for item in content['annotations']:
            if (key := entry_id(item, 'image_id')) in image_ids:
                annotations.append(
                    {
                        **item,
                        'id': len(annotations) + 1,
                        'image_id': image_ids[key],
                        'category_id': category_ids.get(entry_id(item, 'category_id')),
                    }
                )
    return {
        **files[0][0],
        'images': list(images.values()),
        'annotations': annotations,
        'categories': list(categories.values()),
    }
