/* Numbered pages as they were at some time: a tree that shares with others what they have in common. */
#ifndef VMM_PAGE_TREE_H
#define VMM_PAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tree_block tree_block; /* NULL: nothing but zeros */

typedef struct {
    tree_block *root;
    unsigned levels; /* of branches above the pages */
} page_tree;

page_tree tree_for(uint64_t pages); /* one that holds zeros */
page_tree tree_share(page_tree tree);
void tree_free(page_tree *tree);
bool tree_put(page_tree *tree, uint64_t page, const uint8_t *bytes); /* false: no memory; the tree is still whole */
const uint8_t *tree_page(const page_tree *tree, uint64_t page);      /* NULL: zeros */

/* Every page in which `to` may differ from `from`, in order. */
typedef void tree_visit(void *context, uint64_t page, const uint8_t *bytes_in_to);
void tree_differences(const page_tree *from, const page_tree *to, tree_visit *visit, void *context);

#endif
